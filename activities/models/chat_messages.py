"""Messages of a conversation as those of OpenAI's Chat Completions API."""

from __future__ import annotations

import json
from typing import Any

from activities.models.call_ids import wire_id
from activities.models.media import EMPTY, IMAGES, PDF, encoded, is_text, media_of, refuse, text_in, withheld
from activities.models.provider import Ask
from activities.models.tool_names import ToolNames
from policies.prices import known_as
from workflows.contracts.conversation import Message, Part, ToolAnswer, ToolUse

TAKES = "text, images (png, jpeg, gif, webp) and PDF"
SHOWN_BELOW = "[shown in the message after the results]"
DEAR_IMAGES = "gpt-4o-mini"
"""It counts an image at 2,833 tokens, and in full detail at 5,667 for each tile besides: more than is reserved."""

Wire = dict[str, Any]


def messages_of(message: Message, ask: Ask, names: ToolNames) -> list[Wire]:
    """One message as those that it takes: each result is a message of its own, before what the user says."""
    if message.role == "assistant":
        return [_of_assistant(message, ask, names)]
    results = [_result(answer, ask) for answer in message.results]
    # A result can hold nothing but text there, so what is to be looked at comes as if the user showed it.
    shown = [part for answer in message.results for part in answer.content if _is_shown(part)]
    parts = [_part(part, ask) for part in (*shown, *message.content)]
    return [*results, {"role": "user", "content": _folded(parts)}] if parts else results


def _of_assistant(message: Message, ask: Ask, names: ToolNames) -> Wire:
    text = "".join(text_in(ask, part) for part in message.content)
    if not message.tool_calls:
        return {"role": "assistant", "content": text or EMPTY}
    calls = [_call(use, names) for use in message.tool_calls]
    return {"role": "assistant", "content": text or None, "tool_calls": calls}


def _call(use: ToolUse, names: ToolNames) -> Wire:
    arguments = json.dumps(use.args, ensure_ascii=False, separators=(",", ":"))
    return {
        "id": wire_id(use.id),
        "type": "function",
        "function": {"name": names.wire(use.name), "arguments": arguments},
    }


def _result(answer: ToolAnswer, ask: Ask) -> Wire:
    texts = [_words(part, ask) for part in answer.content]
    # The API has no mark for an error; the model is to know all the same.
    content = "\n".join(["[error]", *texts] if answer.is_error else texts)
    return {"role": "tool", "tool_call_id": wire_id(answer.id), "content": content}


def _words(part: Part, ask: Ask) -> str:
    if is_text(media_of(part)):
        return text_in(ask, part)
    return SHOWN_BELOW if _is_shown(part) else withheld(ask, part, TAKES)


def _is_shown(part: Part) -> bool:
    return media_of(part) in {*IMAGES, PDF}


def _part(part: Part, ask: Ask) -> Wire:
    media = media_of(part)
    if is_text(media):
        return {"type": "text", "text": text_in(ask, part)}
    if not _is_shown(part):
        raise refuse(ask, part, TAKES)
    url = f"data:{media};base64,{encoded(ask, part)}"
    if media == PDF:
        return {"type": "file", "file": {"filename": "document.pdf", "file_data": url}}
    return {"type": "image_url", "image_url": {"url": url, **_detail(ask.args.model)}}


def _detail(model: str) -> Wire:
    return {"detail": "low"} if DEAR_IMAGES in known_as(model) else {}


def _folded(parts: list[Wire]) -> str | list[Wire]:
    """One text as itself: not every server that speaks this API takes a list."""
    return str(parts[0]["text"]) if len(parts) == 1 and parts[0]["type"] == "text" else parts
