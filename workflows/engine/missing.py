"""Calls that failed because something is not there: no failure of the node, but a gap that people can fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from workflows.contracts.failures import FailureType
from workflows.contracts.run import ToolCard
from workflows.engine import gaps, slots
from workflows.engine.gaps import Lack
from workflows.engine.machine import problem
from workflows.engine.renewing import renew
from workflows.engine.steps import Fail, Requeue, Resolved
from workflows.engine.tool_diff import tool_diff

if TYPE_CHECKING:
    from workflows.engine.events import CallFailed
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState


def miss(m: Machine, activation: Activation, call: CallState, event: CallFailed) -> bool:
    """Hold the call until people have dealt with what it lacks; False where it lacks nothing, or nobody can be asked.

    Nothing of it was done: the worker looks for what it needs before it begins.
    """
    if _is_there_by_now(m, event):
        fault = renew(m, activation, call)
        step = Requeue(activation.id, call.id) if fault is None else _failing(m, activation, call, fault)
        slots.wake(m, m.frame_of(activation), step)
        return True
    what = _lacking(m, call, event)
    if what is None:
        return False
    known = gaps.latched(m, what.key)
    if known is not None:
        m.todo.append(_refusing(m, activation, call, what, known))
        return True
    return gaps.lack(m, activation, what) is None


def _lacking(m: Machine, call: CallState, event: CallFailed) -> Lack | None:
    example = call.args if call.kind == "tool" else None
    if event.type == FailureType.CREDENTIAL and call.kind == "model":
        return Lack("credential", call.name, event.message, "call")
    if event.type == FailureType.GAP:
        return _lost(call, event, example)
    found = _found(event)
    if found is None or found.name not in m.card.tools:
        return None
    diff = tool_diff(m.card.tools[found.name], found)
    return Lack("tool_changed", found.name, event.message, "call", example, found.digest, diff)


def _lost(call: CallState, event: CallFailed, example: dict[str, object] | None) -> Lack:
    """What no worker had: the tool of a call, one that a model is to be offered, or the model."""
    if event.lacks is None:
        return Lack(call.kind, call.name, event.message, "call", example)
    return Lack("tool", event.lacks, event.message, "call", example)


def _found(event: CallFailed) -> ToolCard | None:
    """The worker's card of a tool that has changed, if it says so."""
    if event.type != FailureType.TOOL_CHANGED or event.card is None:
        return None
    try:
        return ToolCard.model_validate(event.card)
    except ValidationError:
        return None


def _is_there_by_now(m: Machine, event: CallFailed) -> bool:
    """Whether another call of the same has brought it meanwhile: this one was on its way with the old card."""
    found = _found(event)
    return found is not None and found.name in m.card.tools and m.card.tools[found.name].digest == found.digest


def _refusing(m: Machine, activation: Activation, call: CallState, what: Lack, known: str) -> Fail | Resolved:
    _drop(m, activation, call)
    message = f"{gaps.KIND_WORDS[what.kind]} `{what.name}`: {known}"
    if activation.agent is not None:
        return Resolved(activation.id, what.key, "declined", known)
    return Fail(activation.id, problem(FailureType.DECLINED, message, activation))


def _failing(m: Machine, activation: Activation, call: CallState, fault: str) -> Fail:
    _drop(m, activation, call)
    return Fail(activation.id, problem(FailureType.TOOL_FAILED, fault, activation))


def _drop(m: Machine, activation: Activation, call: CallState) -> None:
    del m.state.calls[call.id]
    activation.call = None
