"""A person's advice to a model whose call failed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast

from policies.canonical import canonical
from workflows.engine.pricing import MESSAGE_MARGIN

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import CallState


def add_guidance(m: Machine, call: CallState, text: str) -> None:
    """Say it as one more part of the last user message; with other arguments the call has another key."""
    messages = cast("list[dict[str, object]]", call.args["messages"])
    last = messages[-1]
    content = [*cast("list[object]", last.get("content", [])), {"text": text}]
    call.args = {**call.args, "messages": [*messages[:-1], {**last, "content": content}]}
    data = canonical(call.args)
    call.args_bytes, call.args_digest = len(data), hashlib.sha256(data).hexdigest()
    size = len(text.encode("utf-8", "surrogatepass")) + MESSAGE_MARGIN
    call.input_tokens = min(m.card.models[call.name].context, call.input_tokens + size)
