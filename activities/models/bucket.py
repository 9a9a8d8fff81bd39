"""A token bucket: arithmetic alone, on times that are handed in."""

from __future__ import annotations

from dataclasses import dataclass

_ROUNDING = 1e-6


@dataclass(slots=True)
class Bucket:
    """Holds at most `capacity`, refilled evenly over `per_s` seconds; `level` is what it held at the time `at`.

    The level may be below zero, when more was used than had been taken.
    """

    capacity: float
    per_s: float
    level: float
    at: float

    def ready_at(self, amount: float, now: float) -> float:
        """When the amount can be taken; what is more than all that fits can be taken when it is full."""
        lack = min(amount, self.capacity) - self._filled(now)
        return now if lack <= _ROUNDING else now + lack * self.per_s / self.capacity

    def take(self, amount: float, now: float) -> None:
        """Take an amount out, or put it back where it is negative; more than fits counts as all that fits."""
        amount = min(amount, self.capacity)
        self.level, self.at = min(self.capacity, self._filled(now) - amount), max(now, self.at)

    def copy(self) -> Bucket:
        """Another one with the same in it."""
        return Bucket(self.capacity, self.per_s, self.level, self.at)

    def _filled(self, now: float) -> float:
        gained = max(0.0, now - self.at) * self.capacity / self.per_s
        return min(self.capacity, self.level + gained)
