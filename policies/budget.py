"""Amounts, limits and the ledger that reserves before a call and settles after it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, cast, get_args

from policies.model import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping

Unit: TypeAlias = Literal["tokens", "cost_nano", "steps", "wall_ms", "tool_calls"]
UNITS: tuple[Unit, ...] = get_args(Unit)
RESERVED: tuple[Unit, ...] = ("tokens", "cost_nano", "tool_calls")
"""The units that a call reserves; steps and wall clock are charged as they happen."""


class Amount(NamedTuple):
    """Use of every budgeted unit. Cost is integer nano-dollars, wall clock integer milliseconds.

    A named tuple, because every call makes a dozen of them and a frozen dataclass takes three times as long.
    """

    tokens: int = 0
    cost_nano: int = 0
    steps: int = 0
    wall_ms: int = 0
    tool_calls: int = 0

    def __add__(self, other: Amount) -> Amount:  # type: ignore[override] # amounts add up
        if self is NOTHING:
            return other
        return Amount(
            self.tokens + other.tokens,
            self.cost_nano + other.cost_nano,
            self.steps + other.steps,
            self.wall_ms + other.wall_ms,
            self.tool_calls + other.tool_calls,
        )

    def __sub__(self, other: Amount) -> Amount:
        if self is other:
            return NOTHING
        return Amount(
            self.tokens - other.tokens,
            self.cost_nano - other.cost_nano,
            self.steps - other.steps,
            self.wall_ms - other.wall_ms,
            self.tool_calls - other.tool_calls,
        )


NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a scope may use of each unit; null is unlimited."""

    tokens: int | None = None
    cost_nano: int | None = None
    steps: int | None = None
    wall_ms: int | None = None
    tool_calls: int | None = None
    depth: int | None = None

    def tightest(self, other: Limits) -> Limits:
        """The smaller limit of each unit."""
        return Limits(*(_smaller(getattr(self, f.name), getattr(other, f.name)) for f in fields(Limits)))


def _smaller(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else min(one, other)


class LedgerError(ValueError):
    """The ledger was asked for what the gate would not have allowed: a fault in the engine, not in a run."""


class Ledger:
    """One budget scope of one run: what it may use, what it has used, what calls in flight may still use."""

    __slots__ = ("_held", "limit", "overrun", "reserved", "stopped", "used")

    def __init__(self, limits: Limits) -> None:
        self.limit = limits
        self.used = NOTHING
        self.reserved = NOTHING
        self.stopped: tuple[Unit, ...] = ()
        self.overrun = NOTHING
        self._held: dict[str, Amount] = {}

    def reserve(self, call_id: str, amount: Amount) -> None:
        """Hold the worst case of a call; `LedgerError` if it does not fit or the call holds something already."""
        if call_id in self._held:
            raise LedgerError(f"`{call_id}` has a reservation already")
        if not fits(self, amount):
            blocked = exceeded(self.standing(), amount)
            raise LedgerError(f"`{call_id}` does not fit the budget of {', '.join(blocked)}")
        self._held[call_id] = amount
        self.reserved += amount

    def settle(self, call_id: str, used: Amount) -> bool:
        """Replace a reservation by what was used, in full; true if that was more, which stops the scope.

        What was used above the reservation is added to `overrun`, by unit.
        """
        held = self._take(call_id)
        self.used += used
        if used == held:
            return False
        beyond = {unit: max(0, getattr(used, unit) - getattr(held, unit)) for unit in RESERVED}
        self.stopped = tuple(unit for unit in RESERVED if beyond[unit] or unit in self.stopped)
        if not any(beyond.values()):
            return False
        self.overrun += Amount(**beyond)
        return True

    def release(self, call_id: str) -> None:
        """Give a reservation back: the call was never made."""
        self._take(call_id)

    def charge(self, amount: Amount) -> None:
        """Count what is known only as it happens: steps and wall clock."""
        self.used += amount

    def standing(self) -> Standing:
        """The scope as the gate sees it now."""
        return Standing(self.limit, self.used, self.reserved, self.stopped)

    def snapshot(self) -> dict[str, object]:
        """The whole ledger as JSON; `restore` gives an equal one back."""
        return {
            "limits": asdict(self.limit),
            "used": self.used._asdict(),
            "stopped": list(self.stopped),
            "overrun": self.overrun._asdict(),
            "held": {call_id: amount._asdict() for call_id, amount in self._held.items()},
        }

    @classmethod
    def restore(cls, data: Mapping[str, object]) -> Ledger:
        """The ledger that `snapshot` wrote."""
        ledger = cls(Limits(**cast("dict[str, int | None]", data["limits"])))
        ledger.used = _amount(data["used"])
        ledger.stopped = tuple(cast("list[Unit]", data["stopped"]))
        ledger.overrun = _amount(data.get("overrun", {}))
        ledger._held = {call_id: _amount(held) for call_id, held in cast("dict[str, object]", data["held"]).items()}
        ledger.reserved = sum(ledger._held.values(), NOTHING)
        return ledger

    def _take(self, call_id: str) -> Amount:
        held = self._held.pop(call_id, None)
        if held is None:
            raise LedgerError(f"`{call_id}` has no reservation")
        self.reserved -= held
        return held


def fits(standing: Standing | Ledger, need: Amount) -> bool:
    """Whether `need` fits beside what is used and reserved: `not exceeded(...)`, written out for the common case."""
    limit, used, held = standing.limit, standing.used, standing.reserved
    return (
        not standing.stopped
        and (limit.tokens is None or used.tokens + held.tokens + need.tokens <= limit.tokens)
        and (limit.cost_nano is None or used.cost_nano + held.cost_nano + need.cost_nano <= limit.cost_nano)
        and (limit.tool_calls is None or used.tool_calls + held.tool_calls + need.tool_calls <= limit.tool_calls)
        and (limit.steps is None or used.steps + held.steps + need.steps <= limit.steps)
        and (limit.wall_ms is None or used.wall_ms + held.wall_ms + need.wall_ms <= limit.wall_ms)
    )


def exceeded(standing: Standing, need: Amount) -> tuple[Unit, ...]:
    """The units for which `need` does not fit beside what is used and reserved, or that are stopped."""
    return tuple(unit for unit in UNITS if unit in standing.stopped or lacking(standing, need, unit) > 0)


def lacking(standing: Standing, need: Amount, unit: Unit, *, reserved: bool = True) -> int:
    """How much of `need` does not fit what is left of a unit; without `reserved`, as if nothing were in flight."""
    limit: int | None = getattr(standing.limit, unit)
    if limit is None:
        return 0
    held: int = getattr(standing.reserved, unit) if reserved else 0
    return max(0, int(getattr(standing.used, unit)) + held + int(getattr(need, unit)) - limit)


def _amount(data: object) -> Amount:
    return Amount(**cast("dict[str, int]", data))
