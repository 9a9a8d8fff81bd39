"""How much room there is for a lease: what is free in the tightest window of each unit, and who has the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from policies.amounts import beyond
from policies.budget import NOTHING, Amount
from policies.units import write_usd
from workflows.contracts.leases import Reply, Units, WindowLimits

if TYPE_CHECKING:
    from policies.windows import Per
    from workflows.contracts.leases import Ask
    from workflows.ledger.book import Book, Holder

UnitName: TypeAlias = Literal["tokens", "cost_nano", "steps", "tool_calls"]
UNITS: tuple[UnitName, ...] = ("tokens", "cost_nano", "steps", "tool_calls")
SHARE = 4
"""Nobody is given more than a quarter of what is free, unless it needs more: others want to begin, too."""


@dataclass(frozen=True, slots=True)
class Tightest:
    """Of one unit, the window with the least left for the run that asks."""

    per: Per
    limit: int
    spent: int
    leased: int

    @property
    def free(self) -> int:
        """What nobody has used or holds."""
        return self.limit - self.spent - self.leased


@dataclass(frozen=True, slots=True)
class Room:
    """What could be given, by unit (those without a limit are not named), or in words why nothing is."""

    units: dict[UnitName, Tightest]
    refused: str | None = None
    again: bool = False

    @property
    def partial(self) -> bool:
        """Whether a call that asks for less could still have what is left."""
        return self.refused is not None and not self.again and all(one.free >= 0 for one in self.units.values())

    def grant(self, ask: Ask) -> Amount:
        """As much as is wanted, but never all of what is left to others; all of it where even that is too little."""
        return Amount(**{unit: self._grant(unit, getattr(ask.want, unit), getattr(ask.need, unit)) for unit in UNITS})

    def _grant(self, unit: UnitName, want: int, need: int) -> int:
        tightest = self.units.get(unit)
        wanted = max(want, need)
        return wanted if tightest is None else min(wanted, max(need, tightest.free // SHARE), tightest.free)


def room(book: Book, holder: Holder, ask: Ask) -> Room:
    """What there is for the run that asks once its own lease is counted and given back."""
    fresh = beyond(ask.used.amount(), holder.counted)
    leased = book.leased - holder.lease if holder.live and holder.lease is not None else book.leased
    found: dict[UnitName, Tightest] = {}
    for window in ask.windows:
        spent = book.windows[window.per]
        after = spent.amount + charge(holder, fresh, window.per, spent.period)
        for unit, limit in _limits(window):
            one = Tightest(window.per, limit, getattr(after, unit), getattr(leased, unit))
            if unit not in found or one.free < found[unit].free:
                found[unit] = one
    short = [unit for unit, one in found.items() if one.free < getattr(ask.need, unit)]
    if not short:
        return Room(found)
    hopeless = [unit for unit in short if found[unit].limit - found[unit].spent < getattr(ask.need, unit)]
    unit = (hopeless or short)[0]
    return Room(found, _words(unit, found[unit], getattr(ask.need, unit)), again=not hopeless)


def charge(holder: Holder, fresh: Amount, per: Per, period: str) -> Amount:
    """What counting `fresh` adds to a window, which holds an expired lease already if it expired in there."""
    if holder.lapsed is None or holder.lease is None:
        return fresh
    return fresh - holder.lease if holder.lapsed[per] == period else beyond(fresh, holder.lease)


def granted(found: Room, holder: Holder) -> Reply:
    """The lease that a run holds, in words of the wire."""
    return Reply(
        granted=Units.of(holder.lease or NOTHING),
        expires_ms=holder.expires_ms,
        fence=holder.fence,
        limit=_limit(found),
        used=_used(found),
        refused=None if found.again else found.refused,
    )


def refusal(found: Room, fence: int) -> Reply:
    """Why a run gets no lease; the one that it has stands."""
    return Reply(fence=fence, limit=_limit(found), used=_used(found), refused=found.refused, again=found.again)


def _limit(found: Room) -> dict[str, int]:
    return {unit: one.limit for unit, one in found.units.items()}


def _used(found: Room) -> Units:
    return Units(**{unit: max(0, one.spent) for unit, one in found.units.items()})


def _limits(window: WindowLimits) -> list[tuple[UnitName, int]]:
    limits = ((unit, getattr(window, unit)) for unit in UNITS)
    return [(unit, limit) for unit, limit in limits if limit is not None]


def _words(unit: UnitName, one: Tightest, need: int) -> str:
    name = "cost_usd" if unit == "cost_nano" else unit
    spent, limit, leased, wanted = (_worded(unit, value) for value in (one.spent, one.limit, one.leased, need))
    used = f"the tenant's runs have used {spent} of {limit} {name} of this {one.per}"
    held = f", others hold {leased}" if one.leased else ""
    return f"{used}{held}, and this run needs {wanted}: the operator's policy gives no more (`budgets.tenant.{name}`)"


def _worded(unit: UnitName, value: int) -> str:
    return write_usd(value) if unit == "cost_nano" else str(value)
