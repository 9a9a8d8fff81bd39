"""The trial of answers of `make chaos`: twenty questions a run, answered in any order while the worker is killed."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path

from activities.blobs import DirectoryBlobs
from benchmarks.figures import Figure, Result, report
from tests.support.approval_trial import approval_trial
from worker.connect import Target, connect, leave
from worker.server import EmbeddedServer
from worker.start_line import ServerOptions

QUESTIONS = 20
KILLS = 4
QUEUE = "approvals"


async def trials(rounds: int, seed: int) -> tuple[list[str], int]:
    """The faults of all rounds, and how many lines their tools left."""
    lines = 0
    with tempfile.TemporaryDirectory(prefix="detent-approvals-") as scratch:
        top, blobs = Path(scratch), Path(scratch) / "blobs"
        async with EmbeddedServer(ServerOptions(db=top / "temporal.db", log=top / "server.log")) as server:
            client = await connect(Target(server.address, server.namespace), DirectoryBlobs(blobs))
            async with approval_trial(client, server.address, QUEUE, blobs, top / "trial") as trial:
                for number in range(rounds):
                    began, known = time.monotonic(), len(trial.faults)
                    lines += await trial.round(QUESTIONS, KILLS, seed + number)
                    fresh = trial.faults[known:]
                    say(f"{number + 1:3}  {time.monotonic() - began:.1f} s: {'; '.join(fresh) or 'ok'}")
                return trial.faults, lines


def say(line: str) -> None:
    """Print at once, because it takes minutes."""
    print(line, flush=True)  # noqa: T201 - a program that prints


def main() -> int:
    """The exit code: 1 when anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    say(f"seed {given.seed}: repeat with `python -m tests.chaos.approvals --seed {given.seed}`")
    faults, lines = asyncio.run(trials(given.rounds, given.seed))
    result = Result("approvals", details={"seed": given.seed})
    result.figures = [
        Figure("answers over killed workers", given.rounds * QUESTIONS, ""),
        Figure("attempts per effect", lines / max(1, given.rounds * QUESTIONS), ""),
        Figure("answers lost, doubled or done early", len(faults), "", at_most=0),
    ]
    report(result)
    return 1 if faults else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    leave(code)
