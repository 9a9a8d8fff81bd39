"""A clock that a test moves on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

TURNS = 20
"""How often waiting tasks are let run, so that each comes to its next wait."""


@dataclass
class HandClock:
    """Time stands still until somebody advances it; whoever sleeps wakes in order of time, then of coming."""

    time_s: float = 0.0
    _sleeping: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    _count: int = 0

    def now(self) -> float:
        """What time it is."""
        return self.time_s

    async def sleep(self, seconds: float) -> None:
        """Wait until somebody has moved the clock on."""
        self._count += 1
        woken = asyncio.get_running_loop().create_future()
        entry = (self.time_s + seconds, self._count, woken)
        self._sleeping.append(entry)
        try:
            await woken
        finally:
            self._sleeping.remove(entry)

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, and everybody do what they do meanwhile."""
        end = self.time_s + seconds
        await settled()
        while due := sorted(entry[:2] for entry in self._sleeping if entry[0] <= end and not entry[2].done()):
            self.time_s = max(self.time_s, due[0][0])
            next(entry[2] for entry in self._sleeping if entry[1] == due[0][1]).set_result(None)
            await settled()
        self.time_s = end


async def settled() -> None:
    """Let every task that can run do so."""
    for _ in range(TURNS):
        await asyncio.sleep(0)
