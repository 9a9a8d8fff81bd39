"""What a replay that failed is told as."""

from __future__ import annotations

from cli.replaying import disagreement

CRASH = (
    "4: Workflow activation completion failed: "
    'Failure { failure: Some(Failure { message: "name \'x\' is not \\"here\\"", '
    'source: "", stack_trace: "  File \\"a.py\\", line 1", encoded_attributes: None }), force_cause: Unspecified }'
)


def test_a_crash_is_told_without_its_stack() -> None:
    assert disagreement(RuntimeError(CRASH)).message == "name 'x' is not \"here\""


def test_anything_else_is_told_in_the_sdks_words() -> None:
    found = disagreement(RuntimeError("[TMPRL1100] Nondeterminism error: event id: 7 differs"))
    assert (found.event_id, found.message) == (7, "[TMPRL1100] Nondeterminism error: event id: 7 differs")
    assert disagreement(KeyError()).message == "KeyError"
