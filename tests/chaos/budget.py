"""The budget trial of `make chaos`: hundreds of fan-outs against a cap, with workers killed in the middle of them."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from activities.blobs import DirectoryBlobs
from benchmarks.figures import Figure, Result, report
from tests.support.budget_trial import budget_trial
from tests.support.fan_out import CAP_NANO
from worker.connect import Target, connect, leave
from worker.server import EmbeddedServer
from worker.start_line import ServerOptions

if TYPE_CHECKING:
    from tests.support.budget_trial import Told

TOGETHER = 8
KILLS = 3
QUEUE = "budget"


async def trials(schedules: int, seed: int) -> list[Told]:
    """All schedules, some at a time, on one server and one worker, which is killed again and again."""
    found: list[Told] = []
    with tempfile.TemporaryDirectory(prefix="detent-budget-") as scratch:
        top, blobs = Path(scratch), Path(scratch) / "blobs"
        async with EmbeddedServer(ServerOptions(db=top / "temporal.db", log=top / "server.log")) as server:
            client = await connect(Target(server.address, server.namespace), DirectoryBlobs(blobs))
            async with budget_trial(client, server.address, QUEUE, blobs, top / "trial") as trial:
                for first in range(0, schedules, TOGETHER):
                    began = time.monotonic()
                    seeds = [seed + number for number in range(first, min(first + TOGETHER, schedules))]
                    told = await trial.schedules(seeds, KILLS)
                    found += told
                    say(_line(len(found), told, time.monotonic() - began))
                    for fault in (fault for one in told for fault in one.faults):
                        say(f"FAULT {fault}")
    return found


def _line(count: int, told: list[Told], took_s: float) -> str:
    served = ", ".join(f"{one.served_nano / CAP_NANO:.2f}{'+' if one.overrun_nano else ''}" for one in told)
    calls, histories = sum(one.calls for one in told), sum(one.histories for one in told)
    faults = sum(len(one.faults) for one in told)
    state = f"{faults} FAULTS" if faults else "ok"
    return f"{count:4}  served $ {served}; {calls} calls, {histories} histories, {took_s:.1f} s: {state}"


def figures(found: list[Told]) -> list[Figure]:
    """Whether the cap held, and that the schedules were worth something."""
    kept = [told.served_nano / CAP_NANO for told in found if not told.overrun_nano]
    return [
        Figure("schedules of a fan-out over killed workers", len(found), ""),
        Figure("schedules that broke the cap or lost money", sum(bool(told.faults) for told in found), "", at_most=0),
        Figure("most that was served without an overrun", max(kept, default=0), "of the cap", at_most=1.0),
        Figure("schedules with a recorded overrun", sum(bool(told.overrun_nano) for told in found), ""),
        Figure("histories per schedule", sum(told.histories for told in found) / max(1, len(found)), ""),
        Figure("model calls per schedule", sum(told.calls for told in found) / max(1, len(found)), ""),
    ]


def say(line: str) -> None:
    """Print at once, because it takes minutes."""
    print(line, flush=True)  # noqa: T201 - a program that prints


def main() -> int:
    """The exit code: 1 when anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--schedules", type=int, default=200)
    given = parser.parse_args()
    say(f"seed {given.seed}: repeat with `python -m tests.chaos.budget --seed {given.seed}`")
    result = Result("budget", details={"seed": given.seed})
    found = asyncio.run(trials(given.schedules, given.seed))
    result.figures = figures(found)
    report(result)
    return 1 if any(told.faults for told in found) else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    leave(code)
