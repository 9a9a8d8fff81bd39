"""The agents' trial of `make chaos`: conversations of fifty turns with effects, over killed workers and servers."""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Result, report
from tests.chaos.agent_material import ITEMS, TURNS, write
from tests.chaos.agent_trial import AgentTrial, converse
from tests.chaos.ground import ground
from worker.connect import leave

if TYPE_CHECKING:
    from collections.abc import Sequence

CARRY_AFTER_EVENTS = "300"
"""Early, so that a run of fifty turns goes over several executions."""


async def trials(rounds: int, kills: int, seed: int) -> list[AgentTrial]:
    """All conversations, one after the other, on one database."""
    chance = random.Random(seed)  # noqa: S311 - moments need a seed, not secrecy
    found: list[AgentTrial] = []
    with tempfile.TemporaryDirectory(prefix="detent-agents-") as scratch:
        material, top = Path(scratch, "made"), Path(scratch, "trial")
        for directory in (material, top):
            directory.mkdir()
        async with ground(top, write(material), DETENT_CARRY_AFTER_EVENTS=CARRY_AFTER_EVENTS) as at:
            for number in range(1, rounds + 1):
                trial = await converse(at, kills, chance)
                say(f"{number:2}  {told(trial)}")
                found.append(trial)
            if any(trial.faults for trial in found):
                say(at.log_tail())
    return found


def told(trial: AgentTrial) -> str:
    """One line about one conversation."""
    faults = "ok" if not trial.faults else "FAULTS: " + "; ".join(trial.faults)
    return (
        f"{trial.worker_kills} workers and {trial.server_kills} servers killed, {trial.executions} executions, "
        f"asked back {trial.asked_back}x, {trial.turn_bytes:,.0f} bytes a turn, took {trial.took_s:.0f} s: {faults}"
    )


def figures(found: Sequence[AgentTrial]) -> list[Figure]:
    """Whether everything held, and that the trials were worth something."""
    return [
        Figure(f"agents: conversations of {TURNS} turns, {len(ITEMS)} effects each", len(found), ""),
        Figure("agents: SIGKILLs of workers", sum(trial.worker_kills for trial in found), ""),
        Figure("agents: SIGKILLs of the server", sum(trial.server_kills for trial in found), ""),
        Figure("agents: effects whose answer was lost, and a person asked", sum(one.asked_back for one in found), ""),
        Figure(
            "agents: faults (effects, questions, transcripts)", sum(len(one.faults) for one in found), "", at_most=0
        ),
        Figure(
            "agents: history of a turn, most", max((one.turn_bytes for one in found), default=0), "B", at_most=8_000
        ),
    ]


def say(line: str) -> None:
    """Print at once, because it takes minutes."""
    print(line, flush=True)  # noqa: T201 - a program that prints


def main() -> int:
    """The exit code: 1 when anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kills", type=int, default=12)
    given = parser.parse_args()
    say(f"seed {given.seed}: repeat with `python -m tests.chaos.agents --seed {given.seed}`")
    result = Result("agents", details={"seed": given.seed})
    found = asyncio.run(trials(given.rounds, given.kills, given.seed))
    result.figures = figures(found)
    report(result)
    return 1 if any(trial.faults for trial in found) else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    leave(code)
