"""Giving up one call: only what leaves nothing behind, and whoever wanted it is told who did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine import auditing
from workflows.engine.commands import CancelCall
from workflows.engine.controls import spend
from workflows.engine.dropping import is_cancellable

if TYPE_CHECKING:
    from workflows.engine.events import CallGivenUp
    from workflows.engine.machine import Machine

MAX_NAMED = 20
"""How many calls a refusal names."""


def why_kept(m: Machine, call_id: str) -> str | None:
    """Why a call may not be given up, in words for who wants it; null where it may."""
    call = m.state.calls.get(call_id)
    if call is None:
        return f"there is no call `{call_id}`; in flight: {_in_flight(m)}"
    if call.status != "in_flight":
        return f"`{call_id}` has not begun: answer what it waits for, or steer its agent; in flight: {_in_flight(m)}"
    if not is_cancellable(call.effect):
        return f"`{call_id}`: `{call.name}` changes something (`{call.effect.value}`), and runs to its end"
    if call.doomed or call.given_up is not None:
        return f"`{call_id}` is being given up already"
    return None


def give_up(m: Machine, event: CallGivenUp) -> None:
    """Have the call end; one that has ended meanwhile is left as it is."""
    call = m.state.calls.get(event.call)
    why = why_kept(m, event.call)
    if call is None or why is not None:
        auditing.note(m, "control", control="cancel_call", by=event.by, allowed=False, refused="it has ended")
        return
    spend(m, event.signature)
    auditing.note(m, "control", control="cancel_call", by=event.by, allowed=True)
    call.given_up = event.by
    m.out.append(CancelCall(call.id))


def _in_flight(m: Machine) -> str:
    calls = [call for call in m.state.calls.values() if call.status == "in_flight"]
    named = [f"`{call.id}` ({call.name})" for call in calls[:MAX_NAMED]]
    more = len(calls) - len(named)
    return (", ".join(named) or "none") + (f" and {more} more" if more else "")
