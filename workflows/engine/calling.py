"""What a node does to want a call: check the arguments, measure them, and queue the call before the gate."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from policies.budget import NOTHING
from policies.canonical import NotCanonical, canonical, digest
from policies.model import Effect, Risk
from workflows.contracts.failures import FailureType
from workflows.engine import measuring
from workflows.engine.complexity import Asked
from workflows.engine.gaps import Lack, lack_of_node, stand_in
from workflows.engine.machine import problem
from workflows.engine.model_choice import choose
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
    tool = stand_in(m, "tool", tool)
    assert isinstance(args, dict), "validation lets only a map stand in `with`"
    card = m.card.tools.get(tool)
    if card is None:
        _miss(m, activation, "tool", tool, args)
        return
    size = measuring.fault(args)
    if size is not None:
        _reject(m, activation, FailureType.RESULT_TOO_LARGE, f"arguments of `{tool}`: {size}: pass a path instead")
        return
    faults = validate_value(card.input_schema, args)
    if faults:
        _reject(m, activation, FailureType.TOOL_FAILED, f"tool `{tool}`: " + "; ".join(faults))
        return
    call_id, index = next_id(m, activation)
    call = CallState(
        id=call_id,
        activation=activation.id,
        index=index,
        kind="tool",
        name=tool,
        activity=tool,
        args=args,
        args_digest="",
        args_bytes=0,
        effect=card.effect,
        risk=card.risk,
    )
    want(m, activation, call)


def call_model(m: Machine, activation: Activation, node: ModelNode, system: str | None, prompt: str) -> None:
    """Want one model call with one user message."""
    if lacks_model(m, activation, node.model):
        return
    alias = choose(m, stand_in(m, "model", node.model), Asked(prompt, system or ""))
    card = m.card.models[alias]
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
    call_id, index = next_id(m, activation)
    call = CallState(
        id=call_id,
        activation=activation.id,
        index=index,
        kind="model",
        name=alias,
        activity=f"model.{card.provider}",
        args=args,
        args_digest="",
        args_bytes=0,
        effect=Effect.READ,
        risk=Risk.LOW,
        input_tokens=input_bound(texts, node.output, card.context),
        max_tokens=max_tokens,
    )
    want(m, activation, call)


def lacks_model(m: Machine, activation: Activation, alias: str) -> bool:
    """Whether the run has no such model; then the node waits for it."""
    known = stand_in(m, "model", alias)
    if known in m.card.models:
        return False
    _miss(m, activation, "model", known, None)
    return True


def _miss(
    m: Machine, activation: Activation, kind: Literal["tool", "model"], name: str, args: dict[str, object] | None
) -> None:
    """The worker that admitted the run did not have it: the node waits for it, the rest of the run does not."""
    reason = f"node `{activation.node}` calls it, and the worker that admitted the run did not have it"
    lack_of_node(m, activation, Lack(kind, name, reason, "load", args))


def downshift(m: Machine, call: CallState, alias: str) -> None:
    """Send a call to a cheaper model instead: what it may use is reckoned anew.

    What people let pass was a call of the other model, and so the worker would have it: they are asked again.
    """
    card = m.card.models[alias]
    call.name, call.activity = alias, f"model.{card.provider}"
    call.max_tokens = min(call.max_tokens or card.max_tokens, card.max_tokens, card.context)
    call.input_tokens = input_of(call, card.context)
    call.permit, call.passed = None, ()
    call.args = {**call.args, "alias": card.alias, "model": card.model, "max_tokens": call.max_tokens}
    call.args_digest = digest(call.args)


def call_again(m: Machine, activation: Activation, lost: CallState) -> None:
    """Make a model call anew, as a new call with a new key: the lost one may have been billed and stays settled."""
    call_id, index = next_id(m, activation)
    call = replace(lost, id=call_id, index=index, reserve=NOTHING, permit=None)
    m.state.calls[call.id] = call
    activation.call = call.id
    enqueue(m, call)


def next_id(m: Machine, activation: Activation) -> tuple[str, int]:
    """The id and the index of the next call of a visit, an agent's calls counted together."""
    owner = m.owner_of(activation)
    owner.calls += 1
    return f"{owner.id}:{owner.calls}", owner.calls


def want(m: Machine, activation: Activation, call: CallState) -> None:
    """Measure a call and queue it before the gate; one that is no JSON, or too large, fails the node."""
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
