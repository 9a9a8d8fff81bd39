"""What Temporal's workflow sandbox costs a worker for each run that it starts."""

from __future__ import annotations

import asyncio
from statistics import median

from benchmarks.figures import Figure, Result, report
from benchmarks.ground import Ground, Process, ground, worker
from worker.connect import leave

ROUNDS = 6
RUNS = 100
WARM_UP = 20
AT_ONCE = 10


def waiting_graph() -> dict[str, object]:
    """A run that is admitted, asks a person and stays open: all that a start costs, and little else."""
    ask = {"kind": "human", "ui": "panel", "ask": "Go on?", "outcomes": ["yes"], "routes": {"yes": "end"}}
    return {
        "graph": "waiting",
        "version": "1.0.0",
        "start": "ask",
        "nodes": {"ask": {**ask, "deadline": "1h", "on_timeout": "abort"}},
    }


async def start_many(at: Ground, process: Process, count: int) -> None:
    """Start so many runs, ten at a time, and return once each has told the server that it waits."""

    async def one() -> None:
        handle = await at.start(waiting_graph(), process.queue)
        async for event in handle.fetch_history_events(wait_new_event=True):
            if event.HasField("upsert_workflow_search_attributes_event_attributes"):
                return

    for _ in range(count // AT_ONCE):
        await asyncio.gather(*(one() for _ in range(AT_ONCE)))


async def cpu_ms(at: Ground, process: Process) -> float:
    """CPU time of the worker for one start, as a mean over a hundred."""
    begun = process.cpu_s()
    await start_many(at, process, RUNS)
    return (process.cpu_s() - begun) * 1000 / RUNS


async def measure() -> Result:
    """Two worker processes of one server, one with the sandbox and one without, taking turns."""
    result = Result("sandbox")
    inside: list[float] = []
    outside: list[float] = []
    async with (
        ground() as at,
        worker(at, "bench-sandboxed") as boxed,
        worker(at, "bench-unsandboxed", sandbox=False) as bare,
    ):
        for process in (boxed, bare):
            await start_many(at, process, WARM_UP)
        resident = boxed.resident_kib(), bare.resident_kib()
        for _ in range(ROUNDS):
            inside.append(await cpu_ms(at, boxed))
            outside.append(await cpu_ms(at, bare))
        grown = boxed.resident_kib() - resident[0], bare.resident_kib() - resident[1]
    more = [box - free for box, free in zip(inside, outside, strict=True)]
    result.figures = [
        Figure("CPU a start, sandboxed less unsandboxed", median(more), "ms", at_most=2),
        Figure("CPU a start, sandboxed", median(inside), "ms"),
        Figure("CPU a start, unsandboxed", median(outside), "ms"),
        Figure("memory of an open run, sandboxed", grown[0] / (ROUNDS * RUNS), "KiB"),
        Figure("memory of an open run, unsandboxed", grown[1] / (ROUNDS * RUNS), "KiB"),
    ]
    result.details = {"sandboxed_ms": inside, "unsandboxed_ms": outside}
    return result


def main() -> int:
    """Measure and report."""
    return report(asyncio.run(measure()))


if __name__ == "__main__":
    leave(main())
