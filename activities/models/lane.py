"""The way to one provider with one key: whoever asks goes one after the other, as fast as the provider lets us."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from activities.models.breaker import Breaker
from activities.models.bucket import Bucket

if TYPE_CHECKING:
    from activities.models.traffic import BreakerRules, Rate

LOOK_S = 0.5
"""How long at most before a waiting call looks again: others may have given up, or used less than they said."""


class Clock(Protocol):
    """Time that only goes forward, in seconds."""

    def now(self) -> float:
        """What time it is."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; may be cancelled."""
        ...


class Monotonic:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since some time."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let others run."""
        await asyncio.sleep(seconds)


class TooLong(Exception):
    """A call would have to wait longer than it can; `wait_s` is how long."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"{wait_s:.1f} s")
        self.wait_s = wait_s


@dataclass(slots=True, eq=False)
class _Ticket:
    """A call in line, and the tokens that it may use."""

    tokens: int


@dataclass(slots=True)
class _Buckets:
    """What is left of the rate: of requests and tokens, each null where it is not limited."""

    requests: Bucket | None = None
    tokens: Bucket | None = None

    def pass_(self, tokens: int, now: float) -> float:
        """Take what one call needs as soon as it is there; when that is."""
        wants = [(bucket, amount) for bucket, amount in ((self.requests, 1), (self.tokens, tokens)) if bucket]
        at = max([now, *(bucket.ready_at(amount, now) for bucket, amount in wants)])
        for bucket, amount in wants:
            bucket.take(amount, at)
        return at

    def copy(self) -> _Buckets:
        requests, tokens = self.requests, self.tokens
        return _Buckets(requests.copy() if requests else None, tokens.copy() if tokens else None)


@dataclass(slots=True, eq=False)
class Lane:
    """Shared by all calls of a worker to one provider at one address with one key; one event loop uses it.

    First come, first served: a small call does not overtake a large one. `rate` null: no faster than the provider says
    when it has had too much.
    """

    rate: Rate | None = None
    breaking: BreakerRules | None = None
    clock: Clock = field(default_factory=Monotonic)
    breaker: Breaker | None = field(init=False)
    held_until: float = field(init=False, default=0.0)
    _buckets: _Buckets = field(init=False, default_factory=_Buckets)
    _line: list[_Ticket] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Start with full buckets."""
        self.breaker = None if self.breaking is None else Breaker(self.breaking)
        if self.rate is not None:
            self._buckets = _Buckets(self._full(self.rate.requests), self._full(self.rate.tokens))

    def _full(self, capacity: int | None) -> Bucket | None:
        if capacity is None or self.rate is None:
            return None
        return Bucket(capacity, self.rate.per_s, capacity, self.clock.now())

    async def wait(self, tokens: int, patience_s: float) -> None:
        """Wait in line until the call may be sent, and take what it may use; `TooLong` as soon as that is certain."""
        ticket = _Ticket(tokens)
        give_up_at = self.clock.now() + patience_s
        self._line.append(ticket)
        try:
            while (wait_s := self._wait_s(ticket)) > 0:
                if self.clock.now() + wait_s > give_up_at:
                    raise TooLong(wait_s)
                await self.clock.sleep(min(wait_s, LOOK_S))
            self._buckets.pass_(tokens, self.clock.now())
        finally:
            self._line.remove(ticket)

    def _wait_s(self, ticket: _Ticket) -> float:
        """How long until those before it, and then it, have had their turn."""
        now = self.clock.now()
        at, buckets = max(now, self.held_until), self._buckets.copy()
        for one in self._line:
            at = buckets.pass_(one.tokens, at)
            if one is ticket:
                break
        return at - now

    def hold(self, seconds: float) -> None:
        """The provider asked to be left alone: nothing is sent until then."""
        self.held_until = max(self.held_until, self.clock.now() + seconds)

    def settle(self, taken: int, used: int) -> None:
        """Put back what a call did not use of the tokens that it took, or take what it used beyond."""
        if self._buckets.tokens is not None:
            counted = min(taken, self._buckets.tokens.capacity)
            self._buckets.tokens.take(used - counted, self.clock.now())
