"""What a node does to want a call: check the arguments, measure them, and queue the call before the gate."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from policies.budget import NOTHING
from policies.canonical import NotCanonical, canonical, digest
from policies.model import Effect, Risk
from workflows.contracts.failures import FailureType
from workflows.engine import measuring
from workflows.engine.machine import problem
from workflows.engine.pricing import input_bound, input_of
from workflows.engine.queue import enqueue
from workflows.engine.state import CallState
from workflows.engine.steps import Fail
from workflows.language.schema import validate_value

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation
    from workflows.language.graph import ModelNode

MAX_ARGS_BYTES = 1024 * 1024


def call_tool(m: Machine, activation: Activation, tool: str, args: object) -> None:
    """Want one tool call; arguments that the tool does not take fail the node with what to mend.

    What is left out stays left out: the tool's digest covers its defaults, and history keeps every byte.
    """
    card = m.card.tools[tool]
    assert isinstance(args, dict), "validation lets only a map stand in `with`"
    size = measuring.fault(args)
    if size is not None:
        _reject(m, activation, FailureType.RESULT_TOO_LARGE, f"arguments of `{tool}`: {size}: pass a path instead")
        return
    faults = validate_value(card.input_schema, args)
    if faults:
        _reject(m, activation, FailureType.TOOL_FAILED, f"tool `{tool}`: " + "; ".join(faults))
        return
    call = CallState(
        id=_next_id(activation),
        activation=activation.id,
        index=activation.calls,
        kind="tool",
        name=tool,
        activity=tool,
        args=args,
        args_digest="",
        args_bytes=0,
        effect=card.effect,
        risk=card.risk,
    )
    _want(m, activation, call)


def call_model(m: Machine, activation: Activation, node: ModelNode, system: str | None, prompt: str) -> None:
    """Want one model call with one user message."""
    card = m.card.models[node.model]
    max_tokens = min(node.max_tokens or card.max_tokens, card.context)
    texts = [prompt] if system is None else [system, prompt]
    args: dict[str, object] = {
        "alias": card.alias,
        "model": card.model,
        "messages": [{"role": "user", "content": [{"text": prompt}]}],
        "max_tokens": max_tokens,
    }
    optional = {"system": system, "output_schema": node.output, "temperature": node.temperature}
    args.update({name: value for name, value in optional.items() if value is not None})
    call = CallState(
        id=_next_id(activation),
        activation=activation.id,
        index=activation.calls,
        kind="model",
        name=node.model,
        activity=f"model.{card.provider}",
        args=args,
        args_digest="",
        args_bytes=0,
        effect=Effect.READ,
        risk=Risk.LOW,
        input_tokens=input_bound(texts, node.output, card.context),
        max_tokens=max_tokens,
    )
    _want(m, activation, call)


def downshift(m: Machine, call: CallState, alias: str) -> None:
    """Send a call to a cheaper model instead: what it may use is reckoned anew.

    What people let pass was a call of the other model, and so the worker would have it: they are asked again.
    """
    card = m.card.models[alias]
    call.name, call.activity = alias, f"model.{card.provider}"
    call.max_tokens = min(call.max_tokens or card.max_tokens, card.max_tokens, card.context)
    call.input_tokens = input_of(call.args, card.context)
    call.permit, call.passed = None, ()
    call.args = {**call.args, "alias": card.alias, "model": card.model, "max_tokens": call.max_tokens}
    call.args_digest = digest(call.args)


def call_again(m: Machine, activation: Activation, lost: CallState) -> None:
    """Make a model call anew, as a new call with a new key: the lost one may have been billed and stays settled."""
    call = replace(lost, id=_next_id(activation), index=activation.calls, reserve=NOTHING, permit=None)
    m.state.calls[call.id] = call
    activation.call = call.id
    enqueue(m, call)


def _next_id(activation: Activation) -> str:
    activation.calls += 1
    return f"{activation.id}:{activation.calls}"


def _want(m: Machine, activation: Activation, call: CallState) -> None:
    try:
        data = canonical(call.args)
    except NotCanonical as error:
        _reject(m, activation, FailureType.INVALID_VALUE, f"`{call.name}`: the arguments are not JSON: {error}")
        return
    if len(data) > MAX_ARGS_BYTES:
        size = f"{len(data):,} bytes of arguments; at most {MAX_ARGS_BYTES:,} fit in a call"
        _reject(m, activation, FailureType.RESULT_TOO_LARGE, f"`{call.name}`: {size}: pass a path, not the content")
        return
    call.args_bytes, call.args_digest = len(data), hashlib.sha256(data).hexdigest()
    m.state.calls[call.id] = call
    activation.call = call.id
    enqueue(m, call)


def _reject(m: Machine, activation: Activation, kind: FailureType, message: str) -> None:
    m.todo.append(Fail(activation.id, problem(kind, message, activation)))
