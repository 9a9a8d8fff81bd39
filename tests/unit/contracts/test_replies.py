"""A reply becomes the same message wherever it is read."""

from __future__ import annotations

from workflows.contracts.calls import ModelOutput
from workflows.contracts.conversation import Message, Part, ToolUse
from workflows.contracts.replies import assistant_message

CALL = ToolUse(id="t1", name="fs.read", args={"path": "a"})


def test_reply_is_kept_with_its_calls_and_the_blocks_of_its_provider() -> None:
    thought = ({"type": "thinking", "signature": "x"},)
    output = ModelOutput(
        text="Well.", stop_reason="tool_use", tool_calls=(CALL,), content=thought, provider="anthropic"
    )
    assert assistant_message(output) == Message(
        role="assistant", content=(Part(text="Well."),), tool_calls=(CALL,), raw=thought, provider="anthropic"
    )


def test_reply_without_words_has_no_empty_part_and_none_needs_a_provider() -> None:
    output = ModelOutput(text="", stop_reason="tool_use", tool_calls=(CALL,), provider="anthropic")
    assert assistant_message(output) == Message(role="assistant", tool_calls=(CALL,))


def test_result_read_from_a_history_gives_the_same_message() -> None:
    output = ModelOutput(text="x", stop_reason="end_turn", tool_calls=(CALL,), content=({"a": 1},), provider="p")
    recorded = ModelOutput.model_validate_json(output.model_dump_json())
    assert assistant_message(recorded) == assistant_message(output)
