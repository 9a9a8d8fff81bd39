"""A model's reply as the message that the conversation goes on with."""

from __future__ import annotations

from workflows.contracts.calls import ModelOutput
from workflows.contracts.conversation import Message, Part


def assistant_message(output: ModelOutput) -> Message:
    """The message that a turn is kept as.

    Whoever has only the call's result, as a history has it, makes the same message, and with it the same segment.
    """
    return Message(
        role="assistant",
        content=(Part(text=output.text),) if output.text else (),
        tool_calls=output.tool_calls,
        raw=output.content,
        provider=output.provider if output.content else None,
    )
