"""An approval covers the call that was asked about, and with a wider scope no more than that call could do."""

from __future__ import annotations

import pytest

from policies.coverage import covered_by, measured, same_call

CALL = {
    "name": "fs.write",
    "tool_digest": "t",
    "args_digest": "a",
    "args_bytes": 10,
    "capabilities": ("tool:fs.write", "fs.write:out/a.txt"),
    "effect": "idempotent",
    "risk": "high",
    "model": None,
}
ASKED = {"policy_digest": "p", "calls": [{**CALL, "capabilities": list(CALL["capabilities"])}]}  # type: ignore[call-overload]  # the table is one of objects


def test_the_call_that_was_asked_about_is_the_same() -> None:
    assert same_call(ASKED, CALL) is None


@pytest.mark.parametrize("field", sorted(CALL))
def test_a_call_that_differs_in_one_field_is_another(field: str) -> None:
    assert f"`{field}`" in str(same_call(ASKED, {**CALL, field: "other"}))


@pytest.mark.parametrize("calls", [None, [], "x", [None]])
def test_a_question_about_no_call_allows_none(calls: object) -> None:
    assert "no call" in str(same_call({"calls": calls}, CALL))
    assert "no call" in str(covered_by({"calls": calls}, CALL, policy_digest=None))


def test_an_approval_covers_other_arguments_within_the_same_capabilities() -> None:
    other = {**CALL, "args_digest": "b", "args_bytes": 7, "risk": "medium", "capabilities": ["tool:fs.write"]}
    assert same_call(ASKED, other) is not None
    assert covered_by(ASKED, other, policy_digest="p") is None


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ({"name": "fs.edit"}, "another tool"),
        ({"tool_digest": "u"}, "another tool"),
        ({"model": "m"}, "another tool"),
        ({"risk": "critical"}, "higher risk"),
        ({"risk": "unheard of"}, "higher risk"),
        ({"capabilities": ["fs.write:out/b.txt"]}, "`fs.write:out/b.txt`"),
        ({"capabilities": ["fs.read:out/a.txt"]}, "did not need"),
    ],
)
def test_an_approval_does_not_cover(edit: dict[str, object], why: str) -> None:
    assert why in str(covered_by(ASKED, {**CALL, **edit}, policy_digest="p"))


def test_an_approval_of_unknown_risk_covers_no_call() -> None:
    asked = {**ASKED, "calls": [{**CALL, "risk": "unheard of"}]}
    assert "higher risk" in str(covered_by(asked, {**CALL, "risk": "low"}, policy_digest="p"))


def test_a_runs_approval_ends_with_its_policy() -> None:
    assert "another policy" in str(covered_by(ASKED, CALL, policy_digest="q"))
    assert covered_by(ASKED, CALL, policy_digest=None) is None


def test_capabilities_that_are_no_list_cover_nothing() -> None:
    asked = {**ASKED, "calls": [{**CALL, "capabilities": None}]}
    assert covered_by(asked, CALL, policy_digest="p") is not None
    assert covered_by(asked, {**CALL, "capabilities": None}, policy_digest="p") is None


def test_what_the_gate_may_lower_is_no_part_of_a_models_arguments() -> None:
    assert measured({"alias": "m", "max_tokens": 5}, model=True) == measured(
        {"alias": "m", "max_tokens": 4}, model=True
    )
    assert measured({"max_tokens": 5}, model=False) != measured({"max_tokens": 4}, model=False)
