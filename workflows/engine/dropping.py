"""Taking an activation's token away: what waits is forgotten, what runs is given up or left to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.model import Effect, Trigger
from workflows.engine.commands import CancelCall, CancelTimer
from workflows.engine.gaps import drop_waiter
from workflows.engine.pauses import close_pause
from workflows.engine.queue import dequeue
from workflows.engine.slots import forget_call

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState, PauseState


def drop_token(m: Machine, activation: Activation) -> bool:
    """Stop what an activation waits for; True when nothing of it is in flight."""
    quiet = [drop_call(m, call) for call in m.calls_of(activation.id)] if activation.id in m.state.agents else []
    return _drop(m, activation) and all(quiet)


def drop_call(m: Machine, activation: Activation) -> bool:
    """Stop a call of an agent and forget its activation; False when it is in flight and ends later, doomed."""
    activation.status = "cancelled"
    if not _drop(m, activation):
        return False
    forget_call(m, activation)
    m.forget(activation)
    return True


def _drop(m: Machine, activation: Activation) -> bool:
    state = m.state
    if activation.pause is not None:
        _leave(m, activation, state.pauses[activation.pause])
    if state.waits.pop(activation.id, None) is not None:
        m.out.append(CancelTimer(f"wait:{activation.id}"))
    call = None if activation.call is None else state.calls[activation.call]
    if call is None:
        return True
    if call.status == "in_flight":
        _give_up(m, call)
        return False
    if call.status == "queued":
        dequeue(m, call)
    del state.calls[call.id]
    activation.call = None
    return True


def _leave(m: Machine, activation: Activation, pause: PauseState) -> None:
    """Others may wait for an answer about a gap; every other question is one activation's."""
    if Trigger.GAP in pause.triggers:
        drop_waiter(m, activation)
    else:
        close_pause(m, pause)


def _give_up(m: Machine, call: CallState) -> None:
    asked_before, call.doomed = call.doomed, True
    if is_cancellable(call.effect) and not asked_before:
        m.out.append(CancelCall(call.id))


def is_cancellable(effect: Effect) -> bool:
    """Whether a call may be given up while it runs: only what leaves nothing behind."""
    return effect in (Effect.NONE, Effect.READ)
