"""The calls that wait for the gate, in path order."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from workflows.engine import spending

if TYPE_CHECKING:
    from workflows.engine.machine import Machine, Place
    from workflows.engine.state import Activation, CallState


def enqueue(m: Machine, call: CallState) -> None:
    """Put a call before the gate; it keeps its place in path order however often it comes back."""
    call.status = "queued"
    enqueue_silently(m, call)
    activation = m.state.activations[call.activation]
    activation.busy_since_ms = m.state.now_ms if spending.issuing(m) else None


def ready(m: Machine, activation: Activation) -> None:
    """A queued call is looked at: from here on its time counts, unless it turns out to wait for a person."""
    if activation.busy_since_ms is None:
        activation.busy_since_ms = m.state.now_ms


def stuck(m: Machine) -> bool:
    """Whether what is queued waits for a person, and for nothing that will come by itself."""
    if m.state.in_flight or m.state.lease.awaited:
        return False
    return m.state.halted is not None or any(pause.rungs for pause in m.state.pauses.values())


def enqueue_silently(m: Machine, call: CallState) -> None:
    """Put a call that is already marked as queued back in its place."""
    insort(m.queue, _entry(m, call))


def dequeue(m: Machine, call: CallState) -> None:
    """Take a queued call out of the queue."""
    del m.queue[bisect_left(m.queue, _entry(m, call))]


def _entry(m: Machine, call: CallState) -> Place:
    activation = m.state.activations[call.activation]
    return m.state.frames[activation.frame].order, activation.seq, call.index, call.id
