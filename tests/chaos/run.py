"""`make chaos`: kills workers and servers in the middle of runs, and sees that nothing is lost or done twice."""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Result, report
from tests.chaos.ground import ground
from tests.chaos.trial import Trial, Victim, attempt
from worker.connect import leave

if TYPE_CHECKING:
    from collections.abc import Sequence

CALM = 2
"""Runs without a kill, to learn how long one takes."""


async def trials(worker_kills: int, server_kills: int, seed: int) -> list[Trial]:
    """All trials, one after the other, on one database."""
    chance = random.Random(seed)  # noqa: S311 - moments need a seed, not secrecy
    victims: list[Victim] = ["server"] * server_kills
    victims += ["worker"] * worker_kills
    chance.shuffle(victims)
    found: list[Trial] = []
    with tempfile.TemporaryDirectory(prefix="detent-chaos-") as scratch:
        async with ground(Path(scratch)) as at:
            calm = [await attempt(at, "nobody", 0, chance) for _ in range(CALM)]
            longest_s = min(trial.took_s for trial in calm) * 0.95
            say(f"an undisturbed run takes {longest_s:.1f} s")
            for number, victim in enumerate(victims, 1):
                trial = await attempt(at, victim, chance.uniform(0, longest_s), chance)
                say(f"{number:2}  {told(trial)}")
                found.append(trial)
            if any(trial.faults for trial in [*calm, *found]):
                say(at.log_tail())
            say(f"a worker is ready {median(at.starts_s):.1f} s after it is started (median)")
    return [*calm, *found]


def told(trial: Trial) -> str:
    """One line about one trial."""
    recovery = "no progress after it" if trial.recovery_s is None else f"went on after {trial.recovery_s:.2f} s"
    faults = "ok" if not trial.faults else "FAULTS: " + "; ".join(trial.faults)
    people = f", asked back {trial.asked_back}x" if trial.asked_back else ""
    task = " and a workflow task in hand" if trial.task_lost else ""
    return (
        f"{trial.victim} killed at {trial.moment_s:.2f} s with {trial.in_flight} calls in flight{task}, {recovery}, "
        f"took {trial.took_s:.1f} s{people}: {faults}"
    )


def figures(found: Sequence[Trial]) -> list[Figure]:
    """Whether everything held, and how long recovery took, by what the victim was doing."""
    faults = sum(len(trial.faults) for trial in found)
    every: list[Figure] = [
        Figure("runs disturbed by a SIGKILL", sum(trial.victim != "nobody" for trial in found), ""),
        Figure("effects, questions or answers lost or repeated", faults, "", at_most=0),
        Figure("worker killed, run went on after (median)", median(recoveries(found, "worker")), "s", at_most=1.5),
    ]
    groups = sorted({f"{trial.victim} killed {trial.caught}" for trial in found if trial.recovery_s is not None})
    for group in groups:
        times = recoveries(found, group)
        every.append(Figure(f"{group}: {len(times)} times, median", median(times), "s"))
        every.append(Figure(f"{group}: the longest", max(times), "s"))
    return every


def recoveries(found: Sequence[Trial], group: str) -> list[float]:
    """Recovery times of the trials whose description begins like this."""
    return [
        trial.recovery_s
        for trial in found
        if trial.recovery_s is not None and f"{trial.victim} killed {trial.caught}".startswith(group)
    ] or [0.0]


def say(line: str) -> None:
    """Print at once, because a run takes minutes."""
    print(line, flush=True)  # noqa: T201 - a program that prints


def main() -> int:
    """The exit code: 1 when anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--worker-kills", type=int, default=20)
    parser.add_argument("--server-kills", type=int, default=5)
    given = parser.parse_args()
    say(f"seed {given.seed}: repeat with `python -m tests.chaos.run --seed {given.seed}`")
    result = Result("chaos", details={"seed": given.seed})
    found = asyncio.run(trials(given.worker_kills, given.server_kills, given.seed))
    result.figures = figures(found)
    report(result)
    return 1 if any(trial.faults for trial in found) else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    leave(code)
