"""Amounts, limits and the ledger that reserves before a call and settles after it."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Amount:
    """Use of every budgeted unit. Cost is integer nano-dollars, wall clock integer milliseconds."""

    tokens: int = 0
    cost_nano: int = 0
    steps: int = 0
    wall_ms: int = 0
    tool_calls: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.tokens + other.tokens,
            self.cost_nano + other.cost_nano,
            self.steps + other.steps,
            self.wall_ms + other.wall_ms,
            self.tool_calls + other.tool_calls,
        )

    def __sub__(self, other: Amount) -> Amount:
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
