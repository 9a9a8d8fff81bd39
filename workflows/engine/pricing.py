"""The worst case of a call: what is reserved for it before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from policies.budget import Amount
from policies.canonical import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.engine.machine import Machine
    from workflows.engine.state import CallState

MESSAGE_MARGIN = 32
"""Tokens added per message for what a provider wraps around it; a token is never less than a UTF-8 byte."""


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


def input_of(args: Mapping[str, object], context: int) -> int:
    """The same of a call as it stands, whatever it was first wanted from."""
    messages = cast("list[dict[str, list[dict[str, str]]]]", args["messages"])
    texts = [part["text"] for message in messages for part in message["content"]]
    system, schema = args.get("system"), args.get("output_schema")
    if system is not None:
        texts.append(str(system))
    return input_bound(texts, cast("dict[str, object] | None", schema), context)


def lower_max_tokens(call: CallState, max_tokens: int) -> None:
    """Send less than was asked for, because the budget has no room for more."""
    call.max_tokens = max_tokens
    call.args = {**call.args, "max_tokens": max_tokens}
    call.args_digest = digest(call.args)
