"""The run's share of its tenant's budget: taken before calls, settled before parking, at carry and at close.

    nothing held -> asked -> held -> asked for more -> held -> settling -> nothing held
                      |                   |
                      +-> waits, then asks again, where others hold what is left

What is used of a lease is what the run's own ledger says beyond what the tenant's ledger was told, so nothing is
counted twice. A run whose tenant has no budget does none of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.amounts import beyond, most
from policies.budget import NOTHING, Amount, Limits
from policies.model import Standing
from workflows.engine import auditing
from workflows.engine.commands import CancelTimer, SettleLease, StartCall, StartTimer, TakeLease
from workflows.engine.events import LeaseArrived
from workflows.engine.sharing import UNITS, longest_ms, slice_of, tenant_limits, windows
from workflows.engine.spending import ONE_STEP, RUN

if TYPE_CHECKING:
    from policies.windows import Window
    from workflows.engine.events import LeaseSettled
    from workflows.engine.machine import Machine

TIMER = "lease:again"
TERM_MS = 600_000
"""How long a lease lasts beyond the longest call of the graph: so often a run without a pause asks again."""
SOON_MS = 60_000
"""A run that only waits for a time which is nearer than this keeps its lease."""
AGAIN_MS = (1_000, 2_000, 4_000, 8_000, 15_000)
"""How long a run waits before it asks once more; the last for ever after."""


def tenant_standing(m: Machine) -> Standing | None:
    """What the ledger last said of the tenant, with what this run has used since; null without a tenant budget."""
    if not _windows(m):
        return None
    lease, ledger = m.state.lease, m.ledgers[RUN]
    limit = Limits(**lease.limit) if lease.limit else tenant_limits(m.policy)
    return Standing(limit, lease.spent + _fresh(m), ledger.reserved._replace(wall_ms=0))


def lease_standing(m: Machine, valid_until_ms: int) -> Standing | None:
    """What this run holds and has used of it, nothing more if it expires before then; null without a tenant budget."""
    if not _windows(m):
        return None
    lease, used, held = m.state.lease, _fresh(m), m.ledgers[RUN].reserved
    usable = not lease.settling and lease.expires_ms >= valid_until_ms
    all_of_it = lease.granted if usable else used + held - ONE_STEP  # each call's own step is short without a lease
    limited = tenant_limits(m.policy)  # and by what the worker's own policy limits since, as the ledger says
    units = [unit for unit in UNITS if getattr(limited, unit) is not None or unit in lease.limit]
    limit = {unit: getattr(all_of_it, unit) for unit in units}
    return Standing(Limits(**limit), used, held)


def want(m: Machine, lack: Amount) -> None:
    """A call waits for a lease: ask for one, unless one is asked for or the run has been told to wait.

    `lack` is what the lease falls short of. A new lease is never less than what is left of the old one, so that
    nothing is lost where the ledger has granted it and the run did not hear of it.
    """
    lease, ledger = m.state.lease, m.ledgers[RUN]
    if lease.awaited:
        return
    if lease.heard == m.state.events and not any(isinstance(command, StartCall) for command in m.out):
        _wait(m, "the lease that was granted is too small")  # and the next may be, too
        return
    used = ledger.used._replace(wall_ms=0)
    left = beyond(lease.granted, _fresh(m))
    need = (most(left, ledger.reserved) + lack)._replace(wall_ms=0, steps=left.steps)  # calls reserve no steps
    lease.asked, lease.fence, lease.telling = True, lease.fence + 1, used
    m.out.append(
        TakeLease(
            want=slice_of(m.policy, ledger, need),
            need=need,
            fence=lease.fence,
            used=used,
            known=lease.known,
            until_ms=max(lease.expires_ms, m.state.now_ms + _longest_ms(m) + TERM_MS),
            windows=_windows(m),
        )
    )


def record(m: Machine, event: LeaseArrived | LeaseSettled) -> None:
    """Take what the ledger says; the calls that wait are decided again."""
    lease = m.state.lease
    if event.fence != lease.fence:
        return
    if isinstance(event, LeaseArrived):
        if lease.asked:
            _arrived(m, event)
    elif lease.settling:
        _settled(m, event)


def again(m: Machine) -> None:
    """The time to wait is over; the calls that wait are decided again, and ask."""
    m.state.lease.again_ms = None


def rest(m: Machine) -> None:
    """After an event: give the lease back if the run parks, drains or ends."""
    lease, state = m.state.lease, m.state
    lease.refused = None
    if state.ending is not None and lease.again_ms is not None:
        lease.again_ms = None
        m.out.append(CancelTimer(TIMER))
    if lease.expires_ms and not lease.asked and not lease.settling and not state.in_flight and _parks(m):
        lease.settling, lease.telling = True, m.ledgers[RUN].used._replace(wall_ms=0)
        m.out.append(SettleLease(lease.telling, lease.known, lease.fence, final=state.ending is not None))


def held(m: Machine) -> Amount:
    """What is left of the run's lease, for people."""
    return beyond(m.state.lease.granted, _fresh(m))


def trouble(m: Machine) -> tuple[str, ...]:
    """Why calls wait for the tenant's budget, while they do."""
    lease = m.state.lease
    return (f"calls wait for a share of the tenant's budget: {lease.trouble}",) if lease.again_ms is not None else ()


def pending(m: Machine) -> bool:
    """Whether the run must wait for the ledger before it may be carried over or finished."""
    lease = m.state.lease
    return bool(lease.asked or lease.settling or lease.expires_ms)


def _windows(m: Machine) -> tuple[Window, ...]:
    """The tenant's budgets; none for a run that was admitted before there were any, and goes on without."""
    budgets = m.card.policy.get("budgets")
    return windows(m.policy) if isinstance(budgets, dict) and "tenant" in budgets else ()


def _longest_ms(m: Machine) -> int:
    """The longest that a call may take now: people may have given the run more time than its policy did."""
    return longest_ms(m.graph, m.card, (m.policy.execution.wall_ms, m.ledgers[RUN].limit.wall_ms))


def _fresh(m: Machine) -> Amount:
    """What the run has used that the ledger was not told of."""
    return beyond(m.ledgers[RUN].used, m.state.lease.known)._replace(wall_ms=0)


def _parks(m: Machine) -> bool:
    """Whether a run with nothing in flight will use nothing soon. Whoever waits for others gives back what it has."""
    state = m.state
    if state.ending is not None or state.draining or state.lease.again_ms is not None:
        return True
    soon_ms = state.now_ms + SOON_MS
    return not any(wait.due_ms <= soon_ms for wait in state.waits.values())


def _arrived(m: Machine, event: LeaseArrived) -> None:
    lease = m.state.lease
    lease.asked, lease.heard = False, m.state.events
    if event.limit is not None and event.used is not None:
        # without a lease the ledger has not counted what it was told, though it reckoned with it
        uncounted = NOTHING if event.expires_ms else beyond(lease.telling, lease.known)
        lease.limit, lease.spent = dict(event.limit), beyond(event.used, uncounted)
    if event.expires_ms:
        lease.granted, lease.expires_ms, lease.known = event.granted, event.expires_ms, lease.telling
        lease.trouble, lease.tries = None, 0
    if event.refused is not None and event.again:
        _wait(m, event.refused)
    else:
        lease.refused = event.refused
    auditing.note(
        m,
        "lease",
        fence=event.fence,
        granted=event.granted._asdict(),
        expires_ms=event.expires_ms,
        refused=event.refused,
    )


def _wait(m: Machine, why: str) -> None:
    lease = m.state.lease
    lease.trouble = why
    lease.again_ms = m.state.now_ms + AGAIN_MS[min(lease.tries, len(AGAIN_MS) - 1)]
    lease.tries += 1
    m.out.append(StartTimer(TIMER, lease.again_ms, "the tenant's budget"))


def _settled(m: Machine, event: LeaseSettled) -> None:
    """The lease is gone in any case: one that the ledger does not hear of expires there, and is looked into."""
    lease = m.state.lease
    lease.settling, lease.granted, lease.expires_ms = False, NOTHING, 0
    if event.failed is None:
        lease.spent += beyond(lease.telling, lease.known)
        lease.known = lease.telling
    auditing.note(m, "lease", fence=event.fence, used=lease.telling._asdict(), failed=event.failed)
