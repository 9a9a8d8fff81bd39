"""What must hold of an engine between any two events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.budget import NOTHING, RESERVED
from workflows.engine.queue import stuck
from workflows.engine.state import ROOT
from workflows.engine.steps import Enter

if TYPE_CHECKING:
    from workflows.engine.engine import Engine
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, PauseState, Scope


def check(engine: Engine) -> None:
    """Raise `AssertionError` where the state is not one that the engine may be in."""
    m = engine._m
    assert engine.glance().phase == engine.phase
    assert [digest for digest, _ in engine.questions()] == [pause.digest for pause in engine.pauses()]
    flying = [call for call in m.state.calls.values() if call.status == "in_flight"]
    assert len(flying) == m.state.in_flight <= 200
    assert m.ledgers[""].reserved == sum((call.reserve for call in flying), NOTHING)
    _check_budgets(m)
    queued = sorted(call.id for call in m.state.calls.values() if call.status == "queued")
    assert queued == sorted(call_id for *_, call_id in m.queue)
    for scope in m.state.scopes.values():
        _check_scope(m, scope)
    for activation in m.state.activations.values():
        assert _waits_for(m, activation), f"{activation.id} waits for nothing"
    if m.state.over:
        left = (m.state.calls, m.state.pauses, m.state.waits, m.state.scopes, m.state.deferred, m.state.gaps)
        assert not any(left)
        assert list(m.ledgers) == [""]
    elif m.state.ending is None:
        at_the_end = m.state.deferred if m.state.halted is not None else {}
        frames = m.state.frames.values()
        assert all(frame.token in m.state.activations or frame.path in at_the_end for frame in frames)
        assert ROOT in m.state.frames
        _check_never_idle(m)


def _check_budgets(m: Machine) -> None:
    """Nothing is over its limit that is not recorded as an overrun, after which nothing starts in that scope."""
    for name, ledger in m.ledgers.items():
        total = ledger.used + ledger.reserved
        for unit in (*RESERVED, "steps"):
            limit = getattr(ledger.limit, unit)
            over = limit is not None and getattr(total, unit) > limit
            assert not over or (unit in ledger.stopped and getattr(ledger.overrun, unit) > 0), f"{name}: {unit}"


def _check_scope(m: Machine, scope: Scope) -> None:
    assert scope.slots == sum(branch.slot for branch in scope.branches) <= scope.max_concurrency
    left = [branch for branch in scope.branches if branch.status in ("pending", "running")]
    assert scope.unfinished == len(left) > 0
    if scope.closing:
        return
    assert not (any(branch.status == "pending" for branch in left) and scope.slots < scope.max_concurrency)
    for branch in scope.branches:
        inside = f"{scope.id}[{branch.index}]"
        calls = [call for call in m.state.calls.values() if call.status in ("queued", "in_flight") and not call.doomed]
        doomed = any(call.doomed and f"{call.activation}/".startswith(f"{inside}/") for call in m.state.calls.values())
        at_the_end = [path for path, step in m.state.deferred.items() if isinstance(step, Enter)]
        busy = any(f"{path}/".startswith(f"{inside}/") for path in (*(call.activation for call in calls), *at_the_end))
        assert branch.slot == busy or doomed, f"{inside}: slot {branch.slot}, busy {busy}"


def _waits_for(m: Machine, activation: Activation) -> bool:
    if activation.id in m.state.agents and m.calls_of(activation.id):
        return True
    if activation.agent is not None and _waits_as_call(m, activation):
        return True
    call = None if activation.call is None else m.state.calls[activation.call]
    return (
        activation.id in m.state.scopes
        or activation.frame in m.state.deferred
        or activation.id in m.state.waits
        or (activation.pause is not None and _is_asked(m, activation, m.state.pauses[activation.pause]))
        or (call is not None and call.status in ("queued", "in_flight"))
    )


def _is_asked(m: Machine, activation: Activation, pause: PauseState) -> bool:
    """A question is one activation's, but what is lacking several may wait for."""
    gap = next((gap for gap in m.state.gaps.values() if gap.pause == pause.id), None)
    waiters = [pause.activation] if gap is None else gap.waiters
    return activation.id in waiters and pause.activation in waiters


def _waits_as_call(m: Machine, activation: Activation) -> bool:
    """A call of an agent waits for those before it, for what is lacking, or for a slot."""
    call = None if activation.call is None else m.state.calls[activation.call]
    held = call is not None and call.status == "held"
    woken = f"{activation.frame} {activation.id}" in m.state.deferred
    return held or woken or any(activation.id in gap.waiters for gap in m.state.gaps.values())


def _check_never_idle(m: Machine) -> None:
    """What is queued waits for a call in flight, an operator or a carry; what is deferred, for a slot of a call."""
    held = m.state.held_by is not None or m.state.draining or m.state.lease.awaited
    if not held and not m.state.in_flight and not stuck(m):
        assert not m.queue, "queued calls wait for nothing"
        assert not m.state.deferred, "woken branches wait for nothing"
