"""The worst case of a call: what is reserved for it before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from policies.budget import Amount
from policies.canonical import canonical, digest
from workflows.contracts.conversation import weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.engine.machine import Machine
    from workflows.engine.state import CallState

MESSAGE_MARGIN = 32
"""Tokens added per message for what a provider wraps around it; a token is never less than a UTF-8 byte."""

TOOLS_MARGIN = 600
"""Tokens added where a model may call tools, for the text that a provider itself puts before them. An upper estimate:
Anthropic's documentation of tool use lists 159 to 530, by model."""


def reserve(m: Machine, call: CallState) -> Amount:
    """Worst case of a call: one tool call, or its input at the dearest input rate and all of `max_tokens`."""
    if call.kind == "tool":
        return Amount(tool_calls=1)
    price = m.card.models[call.name].price
    max_tokens = call.max_tokens or 0
    dearest = max(price.input, price.cache_read, price.cache_write)
    return Amount(
        tokens=call.input_tokens + max_tokens,
        cost_nano=call.input_tokens * dearest + max_tokens * price.output,
    )


def output_nano(m: Machine, call: CallState) -> int:
    """Nano-dollars per output token, 0 for a tool."""
    return m.card.models[call.name].price.output if call.kind == "model" else 0


def input_bound(texts: list[str], schema: dict[str, object] | None, context: int) -> int:
    """Most input tokens that a request can be billed for: a token per UTF-8 byte, at most the model's context."""
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) + MESSAGE_MARGIN * (len(texts) + 1)
    if schema is not None:
        size += len(canonical(schema)) + MESSAGE_MARGIN
    return min(context, size)


def input_of(call: CallState, context: int) -> int:
    """The same of a call as it stands, whatever it was first wanted from; of a transcript every byte counts."""
    return min(context, call.carried_bytes + new_bytes(call.args))


def new_bytes(args: Mapping[str, object]) -> int:
    """How much a call adds to what the model was told before: bytes, and a margin for each piece of it."""
    messages = cast("list[dict[str, list[dict[str, object]]]]", args["messages"])
    size = MESSAGE_MARGIN
    for message in messages:
        parts = [*message.get("content", ())]
        for result in message.get("results", ()):
            parts += cast("list[dict[str, object]]", result["content"])
        size += sum(size_of(part) + MESSAGE_MARGIN for part in parts)
    system, schema = args.get("system"), args.get("output_schema")
    if system is not None:
        size += len(str(system).encode("utf-8", "surrogatepass")) + MESSAGE_MARGIN
    return size if schema is None else size + len(canonical(schema)) + MESSAGE_MARGIN


def size_of(part: Mapping[str, object]) -> int:
    """What a part counts for: the bytes of its text, or the weight of what its reference leads to."""
    ref = cast("dict[str, int] | None", part.get("ref"))
    if ref is None:
        return len(str(part.get("text", "")).encode("utf-8", "surrogatepass"))
    return weight(ref["size_bytes"], cast("str | None", part.get("media")))


def lower_max_tokens(call: CallState, max_tokens: int) -> None:
    """Send less than was asked for, because the budget has no room for more."""
    call.max_tokens = max_tokens
    call.args = {**call.args, "max_tokens": max_tokens}
    call.args_digest = digest(call.args)
