"""A tenant's book: what its runs have used in each window of time, and what each of them may still use.

    free = limit - spent - leased, in every window; nothing is leased that is not free

Every message of a run says how much it has used since it began, so a message that comes twice, or after the next
one, changes nothing. A lease that expires is counted as spent in the windows in which it does; whoever finds out
later what was really used puts that right. Leases lie over the edges of windows: what is leased counts in each.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from policies.amounts import beyond, most
from policies.budget import NOTHING, Amount
from policies.windows import PERIODS, Per
from workflows.contracts.leases import Ask, Back, Doubt, Found, Reply
from workflows.ledger import room
from workflows.ledger.periods import period

REMEMBERED_MS = 3_600_000
"""How long a run without a lease is remembered: longer than any message is late (`tenant_ledger.LATE_MS`)."""
DOUBTED_MS = 60_000
"""How old a lease is before anybody wonders about its run, and how long until the next time."""
MOST_DOUBTS = 8


@dataclass(slots=True)
class Spent:
    """What was used in the present window of one kind."""

    period: str = ""
    amount: Amount = NOTHING


@dataclass(slots=True)
class Holder:
    """One history of a run: `counted` of its use is in the book, and it may use `lease` (null: none) beyond that.

    `lapsed` names the windows in which an expired lease is counted as spent.
    """

    workflow_id: str
    run_id: str
    counted: Amount = NOTHING
    lease: Amount | None = None
    fence: int = 0
    expires_ms: int = 0
    asked_ms: int = 0
    heard_ms: int = 0
    doubted_ms: int = 0
    lapsed: dict[Per, str] | None = None

    @property
    def live(self) -> bool:
        """Whether there is a lease that has not expired."""
        return self.lease is not None and self.lapsed is None


@dataclass(slots=True)
class Book:
    """The whole of a ledger's memory. Time comes with each call and never goes back."""

    now_ms: int = 0
    windows: dict[Per, Spent] = field(default_factory=lambda: {per: Spent() for per in PERIODS})
    holders: dict[str, Holder] = field(default_factory=dict)
    leased: Amount = NOTHING

    def advance(self, now_ms: int) -> None:
        """Let time pass: leases expire in their windows, windows end, and runs that went quiet are forgotten."""
        due = [holder for holder in self.holders.values() if holder.live and holder.expires_ms <= now_ms]
        for holder in sorted(due, key=lambda holder: holder.expires_ms):
            self._turn(holder.expires_ms)
            self._lapse(holder)
        self._turn(now_ms)
        quiet_ms = self.now_ms - REMEMBERED_MS
        for name in [name for name, holder in self.holders.items() if self._settled(holder, quiet_ms)]:
            del self.holders[name]

    def ask(self, ask: Ask) -> Reply:
        """Grant a lease or refuse it; the same fence again gives the same lease.

        Where all of the tenant's budget is too little for what is asked, the run gets what is left, with the reason.
        """
        if ask.parent is not None:
            return Reply(fence=ask.fence, refused="a lease of a lease is not there yet")
        holder = self._holder(ask)
        found = room.room(self, holder, ask)
        if ask.fence == holder.fence and holder.live:
            return room.granted(found, holder)
        if ask.fence <= holder.fence:
            return Reply(fence=ask.fence, refused=f"lease {ask.fence} of `{ask.workflow_id}` is over")
        if found.refused is not None and not (found.partial and self._certain(found)):
            return room.refusal(found, ask.fence)
        self._count(holder, ask.used.amount())
        holder.lease = found.grant(ask)
        holder.fence, holder.expires_ms = ask.fence, max(ask.until_ms, self.now_ms + 1)
        holder.asked_ms = self.now_ms
        self.leased += holder.lease
        return room.granted(found, holder)

    def _certain(self, found: room.Room) -> bool:
        """Whether what is spent of the windows that count is known to be spent, and is no lease that expired."""
        periods = {one.per: self.windows[one.per].period for one in found.units.values()}
        lapsed = [holder.lapsed for holder in self.holders.values() if holder.lapsed is not None]
        return not any(names[per] == name for names in lapsed for per, name in periods.items())

    def back(self, back: Back | Found) -> Reply:
        """Count what a run says or was found to have used, and free what it leaves of its lease."""
        holder = self._holder(back)
        current = back.fence == holder.fence if isinstance(back, Found) else back.fence >= holder.fence
        if current:
            self._count(holder, back.used.amount())
            holder.fence = back.fence
        return Reply(fence=back.fence)

    def doubts(self) -> tuple[Doubt, ...]:
        """Leases that are expired or old, oldest first: their runs may be closed. Each is named once a minute."""
        old_ms = self.now_ms - DOUBTED_MS
        found = [
            holder
            for holder in self.holders.values()
            if holder.lease is not None
            and holder.doubted_ms <= old_ms
            and (holder.lapsed is not None or holder.asked_ms <= old_ms)
        ]
        found.sort(key=lambda holder: (holder.lapsed is None, holder.asked_ms))
        for holder in found[:MOST_DOUBTS]:
            holder.doubted_ms = self.now_ms
        return tuple(
            Doubt(workflow_id=holder.workflow_id, run_id=holder.run_id, fence=holder.fence)
            for holder in found[:MOST_DOUBTS]
        )

    def _holder(self, message: Ask | Back | Found) -> Holder:
        name = f"{message.workflow_id}@{message.run_id}"
        holder = self.holders.get(name)
        if holder is None:
            holder = self.holders[name] = Holder(message.workflow_id, message.run_id)
        holder.counted = most(holder.counted, message.known.amount())
        holder.heard_ms = self.now_ms
        return holder

    def _count(self, holder: Holder, used: Amount) -> None:
        """End the lease, if there is one, and count what was used in its stead."""
        fresh = beyond(used, holder.counted)
        for per, spent in self.windows.items():
            spent.amount = spent.amount + room.charge(holder, fresh, per, spent.period)
        if holder.live and holder.lease is not None:
            self.leased -= holder.lease
        holder.counted = most(holder.counted, used)
        holder.lease = holder.lapsed = None

    def _lapse(self, holder: Holder) -> None:
        assert holder.lease is not None
        self.leased -= holder.lease
        for spent in self.windows.values():
            spent.amount += holder.lease
        holder.lapsed = {per: spent.period for per, spent in self.windows.items()}

    def _turn(self, now_ms: int) -> None:
        self.now_ms = max(self.now_ms, now_ms)
        for per, spent in self.windows.items():
            name = period(per, self.now_ms)
            if name != spent.period:
                spent.period, spent.amount = name, NOTHING

    def _settled(self, holder: Holder, quiet_ms: int) -> bool:
        """Whether nothing that could still come would need the run to be remembered."""
        if holder.heard_ms > quiet_ms:
            return False
        lapsed = holder.lapsed
        return holder.lease is None or (
            lapsed is not None and all(spent.period != lapsed[per] for per, spent in self.windows.items())
        )
