"""What the agents' trial of `make chaos` would see in a conversation that no provider takes."""

from __future__ import annotations

import pytest

from tests.chaos.agent_history import faults_of
from workflows.contracts.conversation import Message, Part, ToolAnswer, ToolUse

ASK = Message(role="user", content=(Part(text="Pay."),))
WISH = Message(role="assistant", tool_calls=(ToolUse(id="a", name="pay"), ToolUse(id="b", name="pay")))
DONE = Message(role="assistant", content=(Part(text="Done."),))


def told(*ids: str) -> Message:
    return Message(role="user", results=tuple(ToolAnswer(id=name, content=(Part(text="ok"),)) for name in ids))


def test_a_whole_conversation_passes() -> None:
    assert faults_of((ASK, WISH, told("a", "b"), DONE)) == []


@pytest.mark.parametrize(
    "messages",
    [
        (ASK, WISH, told("a"), DONE),
        (ASK, WISH, told("b", "a"), DONE),
        (ASK, WISH, told("a", "b", "b"), DONE),
        (ASK, WISH, told("a", "b", "c"), DONE),
        (told("a"), DONE),
        (ASK, WISH, DONE),
        (ASK, WISH),
        (ASK, ASK, DONE),
    ],
    ids=["missing", "order", "twice", "orphan", "orphan first", "none", "open", "roles"],
)
def test_a_conversation_that_no_provider_takes_is_seen(messages: tuple[Message, ...]) -> None:
    assert faults_of(messages) != []
