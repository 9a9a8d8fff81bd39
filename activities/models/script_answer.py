"""A scripted reply as a provider would give it, its tokens estimated from bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from activities.models.provider import Ask, Reply, Tokens
from activities.models.replies import ScriptReply
from policies.canonical import canonical
from workflows.contracts.conversation import Message, ToolUse, weight_of

BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 4
KEY_CHARS = 8
REMEMBERED = 10_000
"""Messages whose weight is remembered."""


def answer_of(ask: Ask, reply: ScriptReply) -> Reply:
    """The answer to one attempt, the same for each attempt at a call."""
    asked_for_json = ask.output_schema is not None and reply.structured is not None
    text = (reply.structured if asked_for_json else reply.body or reply.structured) or ""
    calls = [
        # Of the call's key, so that two turns of a conversation never share an id.
        ToolUse(id=f"call_{ask.key[:KEY_CHARS]}_{number}", name=call.name, args=call.args)
        for number, call in enumerate(reply.tool_calls, 1)
    ]
    if reply.tokens is not None:
        return Reply(text=text, stop_reason=_ending(calls), tokens=reply.tokens, tool_calls=tuple(calls))
    return _within_limit(ask, text, calls)


def tokens_of(in_bytes: int) -> int:
    """How many tokens so many bytes are."""
    return -(-in_bytes // BYTES_PER_TOKEN)


def _within_limit(ask: Ask, text: str, calls: Sequence[ToolUse]) -> Reply:
    """As a provider does: what is over `max_tokens` is never made, so it is never billed."""
    limit = ask.args.max_tokens * BYTES_PER_TOKEN
    whole = text.encode()
    in_bytes = len(whole)
    made: list[ToolUse] = []
    for call in calls:
        if in_bytes > limit:
            break
        in_bytes += _size_of(call)
        cut = {"args": {}, "fault": "the arguments are cut off: `max_tokens` is reached"}
        made.append(call if in_bytes <= limit else call.model_copy(update=cut))
    kept = whole[:limit].decode(errors="ignore")
    output = tokens_of(min(in_bytes, limit) if made else len(kept.encode()))
    ending = _ending(calls) if in_bytes <= limit else "max_tokens"
    return Reply(text=kept, stop_reason=ending, tokens=Tokens(_input_tokens(ask), output), tool_calls=tuple(made))


def _ending(calls: Sequence[ToolUse]) -> str:
    return "tool_use" if calls else "end_turn"


class _Weights:
    """What each message weighs, by the message itself: those of a conversation are the same ones turn after turn."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, tuple[Message, int]] = OrderedDict()

    def of(self, message: Message) -> int:
        """The bytes of a message; it is kept as long as its weight, so that no other can have its identity."""
        known = self._known.get(id(message))
        if known is not None:
            return known[1]
        found = _bytes_of(message)
        self._known[id(message)] = message, found
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found


_weights = _Weights()


def _input_tokens(ask: Ask) -> int:
    in_bytes = len((ask.system or "").encode()) + sum(map(_weights.of, ask.conversation))
    for offer in ask.tools:
        in_bytes += len(f"{offer.name}{offer.description}".encode()) + len(canonical(dict(offer.input_schema)))
    if ask.output_schema is not None:
        in_bytes += len(canonical(dict(ask.output_schema)))
    return tokens_of(in_bytes) + TOKENS_PER_MESSAGE * len(ask.conversation)


def _bytes_of(message: Message) -> int:
    parts = [*message.content, *(part for result in message.results for part in result.content)]
    return sum(map(weight_of, parts)) + sum(map(_size_of, message.tool_calls))


def _size_of(call: ToolUse) -> int:
    return len(call.name.encode()) + len(canonical(call.args))
