"""What a step costs through Detent, against a hand-written workflow of the same activities."""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Result, quantile, report
from benchmarks.ground import FILE, Ground, chain, ground, worker
from benchmarks.handwritten import WORKFLOW, Steps
from worker.connect import leave

if TYPE_CHECKING:
    from temporalio.client import WorkflowHandle

QUEUE = "bench-steps"
STEPS = 10
WARM_UP = 10
PAIRS = 100
ROUNDS = 3
CONCURRENT = 100
HISTORIES = 5
KIB = 1024


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two ways to make the same steps."""

    at: Ground
    detent: bool

    async def start(self, steps: int) -> WorkflowHandle[object, object]:
        """Start a run of so many steps."""
        if self.detent:
            return await self.at.start(chain(steps), QUEUE)
        run = f"hand-{uuid.uuid4().hex[:12]}"
        argument = Steps(count=steps, path=FILE)
        return await self.at.client.start_workflow(WORKFLOW, argument, id=run, task_queue=QUEUE)

    async def run(self, steps: int) -> WorkflowHandle[object, object]:
        """Start a run and wait for its end."""
        handle = await self.start(steps)
        await handle.result()
        return handle

    async def latency_ms(self) -> float:
        """From the start to the result, seen from the client."""
        begun = time.perf_counter()
        await self.run(STEPS)
        return (time.perf_counter() - begun) * 1000

    async def runs_a_second(self) -> float:
        """A hundred runs at once."""
        begun = time.perf_counter()
        await asyncio.gather(*(self.run(STEPS) for _ in range(CONCURRENT)))
        return CONCURRENT / (time.perf_counter() - begun)

    async def history(self, steps: int) -> tuple[int, int]:
        """Events and bytes of one run's history."""
        handle = await self.run(steps)
        events = [event async for event in handle.fetch_history_events()]
        return len(events), sum(event.ByteSize() for event in events)

    async def histories(self, steps: int) -> tuple[float, float]:
        """Median events and bytes of several runs."""
        found = [await self.history(steps) for _ in range(HISTORIES)]
        return median(events for events, _ in found), median(size for _, size in found)


async def measure() -> Result:
    """Everything on one server and one worker process, the sides taking turns."""
    result = Result("steps")
    async with ground() as at, worker(at, QUEUE):
        detent, hand = Side(at, detent=True), Side(at, detent=False)
        for side in (detent, hand) * WARM_UP:
            await side.run(STEPS)
        await _latency(result, detent, hand)
        await _throughput(result, detent, hand)
        await _history(result, detent, hand)
    return result


async def _latency(result: Result, detent: Side, hand: Side) -> None:
    ours: list[float] = []
    theirs: list[float] = []
    for pair in range(PAIRS):
        sides = [(detent, ours), (hand, theirs)]
        for side, times in sides if pair % 2 else reversed(sides):
            times.append(await side.latency_ms())
    result.figures += [
        Figure("run of 10 steps, median latency over hand-written", median(ours) / median(theirs), "x", at_most=1.15),
        Figure("run of 10 steps, median latency", median(ours), "ms"),
        Figure("hand-written, median latency", median(theirs), "ms"),
    ]
    result.details["latency_p95_ms"] = {"detent": quantile(ours, 0.95), "hand": quantile(theirs, 0.95)}


async def _throughput(result: Result, detent: Side, hand: Side) -> None:
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        ours.append(await detent.runs_a_second())
        theirs.append(await hand.runs_a_second())
    result.figures += [
        Figure("100 runs at once, throughput over hand-written", median(ours) / median(theirs), "x", at_least=0.85),
        Figure("100 runs at once", median(ours) * STEPS, "steps/s"),
        Figure("hand-written, 100 runs at once", median(theirs) * STEPS, "steps/s"),
    ]
    result.details["runs_a_second"] = {"detent": ours, "hand": theirs}


async def _history(result: Result, detent: Side, hand: Side) -> None:
    ours, ours_bytes = await detent.histories(STEPS)
    theirs, theirs_bytes = await hand.histories(STEPS)
    ours_twice, ours_twice_bytes = await detent.histories(2 * STEPS)
    theirs_twice, theirs_twice_bytes = await hand.histories(2 * STEPS)
    a_step = (ours_twice_bytes - ours_bytes) / STEPS
    over = ours_twice_bytes / KIB - 1.2 * 2 * STEPS
    result.figures += [
        Figure("events more a run", ours - theirs, "", at_most=4),
        Figure("events more a step", ((ours_twice - ours) - (theirs_twice - theirs)) / STEPS, "", at_most=0),
        Figure("history of a step", a_step / KIB, "KiB", at_most=1.2),
        Figure("history of 20 steps less 1.2 KiB a step", over, "KiB", at_most=8),
        Figure("hand-written, history of a step", (theirs_twice_bytes - theirs_bytes) / STEPS / KIB, "KiB"),
    ]
    result.details["history"] = {
        "events": {"detent": [ours, ours_twice], "hand": [theirs, theirs_twice]},
        "bytes": {"detent": [ours_bytes, ours_twice_bytes], "hand": [theirs_bytes, theirs_twice_bytes]},
    }


def main() -> int:
    """Measure and report."""
    return report(asyncio.run(measure()))


if __name__ == "__main__":
    sys.stdout.flush()
    leave(main())
