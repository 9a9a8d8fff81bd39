"""The calls that wait for the gate, in path order."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from workflows.engine import spending

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import CallState


def enqueue(m: Machine, call: CallState) -> None:
    """Put a call before the gate; it keeps its place in path order however often it comes back."""
    call.status = "queued"
    enqueue_silently(m, call)
    activation = m.state.activations[call.activation]
    activation.busy_since_ms = m.state.now_ms if spending.issuing(m) else None


def enqueue_silently(m: Machine, call: CallState) -> None:
    """Put a call that is already marked as queued back in its place."""
    insort(m.queue, _entry(m, call))


def dequeue(m: Machine, call: CallState) -> None:
    """Take a queued call out of the queue."""
    del m.queue[bisect_left(m.queue, _entry(m, call))]


def _entry(m: Machine, call: CallState) -> tuple[tuple[int, ...], int, str]:
    activation = m.state.activations[call.activation]
    return m.state.frames[activation.frame].order, activation.seq, call.id
