"""Messages of a conversation as content blocks of Anthropic's Messages API."""

from __future__ import annotations

from typing import Any

from activities.models.call_ids import wire_id
from activities.models.media import EMPTY, IMAGES, PDF, encoded, is_text, media_of, refuse, text_in, withheld
from activities.models.provider import Ask
from activities.models.tool_names import ToolNames
from workflows.contracts.conversation import Message, Part, ToolAnswer, ToolUse

TAKES = "text, images (png, jpeg, gif, webp) and PDF"
THINKING = frozenset({"thinking", "redacted_thinking"})

Block = dict[str, Any]


def message_of(message: Message, ask: Ask, names: ToolNames) -> dict[str, Any]:
    """One message, with at least one block."""
    if message.role == "user":
        return {"role": "user", "content": _of_user(message, ask)}
    return {"role": "assistant", "content": _of_assistant(message, ask, names) or [_text(EMPTY)]}


def kept_block(block: Block, model: str, *, chars: int, calls: int) -> dict[str, Any]:
    """A block to be shown again as it is, for a message's `raw`: where it stood in the text and among the calls."""
    return {"by": model, "chars": chars, "calls": calls, "block": block}


def _of_user(message: Message, ask: Ask) -> list[Block]:
    results = [_result(answer, ask) for answer in message.results]
    said = [block for part in message.content for block in _own_part(part, ask)]
    # A prompt of nothing but blanks is the user's to hear of: the API refuses it in words.
    return [*results, *said] or [_text(text_in(ask, part)) for part in message.content]


def _own_part(part: Part, ask: Ask) -> list[Block]:
    found = _part(part, ask)
    if found is None:
        raise refuse(ask, part, TAKES)
    return found


def _result(answer: ToolAnswer, ask: Ask) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": wire_id(answer.id)}
    content: list[Block] = []
    for part in answer.content:
        # The API takes no more than text in an error.
        found = None if answer.is_error and not is_text(media_of(part)) else _part(part, ask)
        content += [_text(withheld(ask, part, TAKES))] if found is None else found
    if answer.is_error:
        return {**block, "content": content or [_text(EMPTY)], "is_error": True}
    return {**block, "content": content} if content else block


def _part(part: Part, ask: Ask) -> list[Block] | None:
    """A part as blocks; null if the API has none for it. Blank text has none either, and need not have."""
    media = media_of(part)
    if is_text(media) and not text_in(ask, part).strip():
        return []
    if not media:
        return [_text(text_in(ask, part))]
    if media in IMAGES:
        return [{"type": "image", "source": {"type": "base64", "media_type": media, "data": encoded(ask, part)}}]
    if media == PDF:
        return [{"type": "document", "source": {"type": "base64", "media_type": PDF, "data": encoded(ask, part)}}]
    if is_text(media):
        source = {"type": "text", "media_type": "text/plain", "data": text_in(ask, part)}
        return [{"type": "document", "source": source}]
    return None


def _of_assistant(message: Message, ask: Ask, names: ToolNames) -> list[Block]:
    """Its text and calls in their order, and in their places the blocks that this very model made."""
    text = "".join(text_in(ask, part) for part in message.content)
    own = message.provider == ask.card.provider
    blocks: list[Block] = []
    chars = calls = 0
    for kept in message.raw if own else ():
        if kept.get("by") == ask.args.model:
            blocks += [*_said(text[chars : kept["chars"]]), *_uses(message.tool_calls[calls : kept["calls"]], names)]
            blocks.append(kept["block"])
            chars, calls = kept["chars"], kept["calls"]
    return [*blocks, *_said(text[chars:]), *_uses(message.tool_calls[calls:], names)]


def _said(text: str) -> list[Block]:
    return [_text(text)] if text.strip() else []


def _uses(calls: tuple[ToolUse, ...], names: ToolNames) -> list[Block]:
    return [
        {"type": "tool_use", "id": wire_id(use.id), "name": names.wire(use.name), "input": dict(use.args)}
        for use in calls
    ]


def _text(text: str) -> Block:
    return {"type": "text", "text": text}
