"""Ids of tool calls: in the letters that every provider takes, and never twice in a conversation."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from activities.models.provider import Ask
from workflows.contracts.conversation import ToolUse

_TAKEN_AS_IS = re.compile(r"[a-zA-Z0-9_-]{1,40}\Z")
_DIGITS = 32


def wire_id(call_id: str) -> str:
    """An id as every provider takes it. Another provider's, or a script's, may be too long or have other letters."""
    return call_id if _TAKEN_AS_IS.match(call_id) else f"call_{_digest(call_id)}"


def with_own_ids(calls: Sequence[ToolUse], ask: Ask) -> tuple[ToolUse, ...]:
    """The calls of an answer, each with an id that the conversation does not have yet.

    Not every server gives one, and some count from zero in each answer; a result would then be for two calls.
    """
    known = {use.id for message in ask.conversation for use in message.tool_calls}
    found: list[ToolUse] = []
    for index, call in enumerate(calls):
        own = call if call.id and call.id not in known else call.model_copy(update={"id": _own(ask, index)})
        known.add(own.id)
        found.append(own)
    return tuple(found)


def _own(ask: Ask, index: int) -> str:
    return f"call_{_digest(f'{ask.key}:{index}')}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
