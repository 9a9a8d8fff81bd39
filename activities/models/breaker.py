"""A circuit breaker: a provider that keeps failing is left alone for a while, then tried with one call."""

from __future__ import annotations

from dataclasses import dataclass

from activities.models.traffic import LONGEST_S, BreakerRules

FACTOR = 5
PROBE_S = 5.0
"""When to ask again while one call tries whether the provider is back."""


@dataclass(slots=True)
class Breaker:
    """What is remembered of one provider. Times are in seconds of a clock that only goes forward.

    Closed, it lets every call through. `rules.failures` failures in a row open it for `rules.cool_down_s`; then it is
    half open, and one call goes through: an answer closes it, a failure opens it for five times as long, at most an
    hour. Whatever says nothing of the provider's health (a refused key, a call that was given up) changes nothing.
    """

    rules: BreakerRules
    failures: int = 0
    cool_down_s: float = 0.0
    open_until: float | None = None
    probing: bool = False

    def closed_for(self, now: float) -> float | None:
        """In how many seconds to ask again; null: a call may go now."""
        if self.open_until is None:
            return None
        if now < self.open_until:
            return self.open_until - now
        return PROBE_S if self.probing else None

    def enter(self) -> None:
        """A call goes through, which `closed_for` has just allowed; of an open breaker it is the one that tries."""
        self.probing = self.open_until is not None

    def answered(self) -> None:
        """The provider is there, whatever it said."""
        self.failures, self.cool_down_s, self.open_until, self.probing = 0, 0.0, None, False

    def failed(self, now: float) -> None:
        """The provider could not be reached, or failed."""
        self.failures += 1
        if self.open_until is not None and not self.probing:
            return  # it was on its way when others opened the breaker
        if self.probing or self.failures >= self.rules.failures:
            longer_s = self.cool_down_s * FACTOR if self.cool_down_s else self.rules.cool_down_s
            self.cool_down_s = min(longer_s, LONGEST_S)
            self.open_until, self.probing = now + self.cool_down_s, False

    def gave_up(self) -> None:
        """A call ended without a word on the provider; if it was the one that tries, the next one is."""
        self.probing = False
