"""What the conditions of a script see of the call that is to be answered."""

from __future__ import annotations

import json
from collections.abc import Mapping

from activities.models.provider import Ask
from workflows.contracts.conversation import Message

SHOWN_CHARS = 800
SHOWN = ("turn", "messages", "tools", "compacting", "last_tool", "system", "prompt")


def bindings_of(ask: Ask) -> dict[str, object]:
    """The names of `replies.NAMES`.

    `turn` counts the assistant's messages in the conversation as it is told, so a compaction lowers it. `prompt` is the
    text of the last message in which the user says something; `compacting` is true where a summary is asked for.
    """
    said = [text for message in ask.conversation if (text := _text(ask, message))]
    return {
        "prompt": said[-1] if said else "",
        "system": ask.system or "",
        "turn": sum(message.role == "assistant" for message in ask.conversation),
        "messages": len(ask.conversation),
        "tools": [offer.name for offer in ask.tools],
        "last_tool": _last_tool(ask),
        "compacting": ask.compacting,
    }


def asked(bindings: Mapping[str, object]) -> str:
    """The same in words, for whoever has to write the reply that is not there."""
    parts = []
    for name in SHOWN:
        text = json.dumps(bindings[name], ensure_ascii=False)
        parts.append(f"{name}: {text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + '…'}")
    return "; ".join(parts)


def _text(ask: Ask, message: Message) -> str:
    """What the user says in a message; nothing for the assistant's."""
    if message.role != "user":
        return ""
    return "".join(ask.text_of(part) for part in message.content if part.media is None)


def _last_tool(ask: Ask) -> dict[str, object]:
    """The latest result of a tool; an empty one lets a script ask without an error."""
    names = {call.id: call.name for message in ask.conversation for call in message.tool_calls}
    for message in reversed(ask.conversation):
        if message.results:
            result = message.results[-1]
            text = "".join(ask.text_of(part) for part in result.content if part.media is None)
            return {"name": names[result.id], "is_error": result.is_error, "text": text}
    return {"name": "", "is_error": False, "text": ""}
