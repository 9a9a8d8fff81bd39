"""What a long conversation leaves in the history: ours, and the same one held by two other frameworks.

`--full` adds what takes minutes: 200 turns of the others, 2,000 of ours.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.compare import foreign, ours
from benchmarks.compare.venv import NotMade, interpreter
from benchmarks.figures import Figure, Result, report
from benchmarks.ground import ground, worker
from worker.connect import leave

if TYPE_CHECKING:
    from benchmarks.compare.histories import Held
    from benchmarks.ground import Ground

THEIR_LENGTHS, THEIR_FULL = (50, 100), (50, 100, 200)
OUR_LENGTHS, OUR_FULL = (50, 100, 200), (50, 100, 200, 2_000)
MEASURED, LONGEST = 200, 2_000
LIMIT_S = 240.0
LONGEST_LIMIT_S = 1_200.0
TURN_BYTES = 8_000
HISTORY_MB = 1.6
MB = 1_000_000


@dataclass
class Comparison:
    """All conversations of one run of the benchmark, and why some could not be held."""

    held: list[Held] = field(default_factory=list)
    missing: str = ""

    def of(self, side: str, turns: int) -> Held | None:
        """The conversation of a side with so many turns, if it was held."""
        return next((held for held in self.held if (held.side, held.turns) == (side, turns)), None)


async def measure(*, full: bool) -> Comparison:
    """Everything on one server, one side after the other."""
    comparison = Comparison()
    with tempfile.TemporaryDirectory(prefix="detent-compare-") as scratch:
        async with ground() as at:
            await _hold_ours(comparison, at, Path(scratch), OUR_FULL if full else OUR_LENGTHS)
            await _hold_theirs(comparison, at, Path(scratch), THEIR_FULL if full else THEIR_LENGTHS)
    return comparison


async def _hold_ours(comparison: Comparison, at: Ground, scratch: Path, lengths: tuple[int, ...]) -> None:
    reader = ours.with_reader(at, scratch, lengths)
    async with worker(reader, ours.QUEUE):
        for turns in lengths:
            limit_s = LONGEST_LIMIT_S if turns == LONGEST else LIMIT_S
            comparison.held.append(say(await ours.converse(reader, turns, limit_s)))


async def _hold_theirs(comparison: Comparison, at: Ground, scratch: Path, lengths: tuple[int, ...]) -> None:
    try:
        python = await asyncio.to_thread(interpreter)
    except NotMade as problem:
        comparison.missing = str(problem)
        return
    for framework in foreign.FRAMEWORKS:
        async with foreign.serving(at, framework, python, scratch / f"{framework.workflow}.log"):
            for turns in lengths:
                comparison.held.append(say(await foreign.converse(at, framework, turns, LIMIT_S)))


def say(held: Held) -> Held:
    """Print a line at once, because all of them take minutes."""
    print(f"{held.side}, {held.turns} turns: {held.ended} after {held.wall_s:.1f} s {held.cause}", flush=True)
    return held


def figures(comparison: Comparison) -> list[Figure]:
    """Ours against the targets, then how theirs compare with ours at the same length."""
    found: list[Figure] = []
    measured, short, longest = (comparison.of(ours.NAME, turns) for turns in (MEASURED, OUR_LENGTHS[0], LONGEST))
    if measured is not None:
        found += _ours_at(measured)
    if measured is not None and short is not None:
        growth = (measured.in_bytes - short.in_bytes) / (measured.turns - short.turns)
        found.append(Figure("history of one more turn, 50 to 200", growth, "B", at_most=TURN_BYTES))
    if longest is not None:
        found += [
            Figure("turns made of 2,000", _made(longest), "", at_least=LONGEST),
            Figure("2,000 turns, history of a turn", longest.turn_bytes, "B", at_most=TURN_BYTES),
            Figure("2,000 turns, last 100 over the first 100 (median)", longest.slowing, "x", at_most=1.2),
            Figure("2,000 turns, blobs over new content", _blobs_over(longest), "x", at_most=1.5),
            Figure("2,000 turns, executions", longest.executions, ""),
            Figure("2,000 turns, summaries made on the way", longest.model_calls - longest.turns - 1, ""),
        ]
    for held in comparison.held:
        if held.side != ours.NAME:
            name = f"{held.side}, {held.turns} turns, {_end(held)}"
            found.append(Figure(f"{name}: history", held.in_bytes / MB, "MB"))
    return found


def _ours_at(held: Held) -> list[Figure]:
    return [
        Figure("turns made of 200", _made(held), "", at_least=MEASURED),
        Figure("200 turns, history", held.in_bytes / MB, "MB", at_most=HISTORY_MB),
        Figure("200 turns, history of a turn", held.turn_bytes, "B", at_most=TURN_BYTES),
        Figure("200 turns, last 100 over the first 100 (median)", held.slowing, "x", at_most=1.2),
        Figure("200 turns, blobs over new content", _blobs_over(held), "x", at_most=1.5),
    ]


def _made(held: Held) -> int:
    """Turns of a conversation: the answer comes after all of them or not at all."""
    return held.turns if held.completed else 0


def _blobs_over(held: Held) -> float:
    return (held.blob_bytes or 0) / (held.content_bytes or 1)


def _end(held: Held) -> str:
    return "completed" if held.completed else f"{held.ended} after {held.model_calls} model calls"


def print_conversations(comparison: Comparison) -> None:
    """Every conversation as a row."""
    table = Table(title="conversations", title_justify="left")
    columns = ("side", "turns", "end", "executions", "events", "MB", "KB/turn", "s", "last/first", "blobs/content")
    for column in columns:
        table.add_column(column, justify="left" if column in ("side", "end") else "right")
    for held in comparison.held:
        counts = (str(held.turns), _end(held), str(held.executions), f"{held.events:,}")
        sizes = (f"{held.in_bytes / MB:.2f}", f"{held.turn_bytes / 1000:.1f}", f"{held.wall_s:.1f}")
        blobs = f"{_blobs_over(held):.2f}" if held.blob_bytes is not None else ""
        slowing = f"{held.slowing:.2f}" if held.slowing else ""
        table.add_row(held.side, *counts, *sizes, slowing, blobs)
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 140).print(table)


def main() -> int:
    """Measure and report; 1 when the others could not be installed, which is no result."""
    result = Result("flat_history")
    comparison = asyncio.run(measure(full="--full" in sys.argv))
    result.figures = figures(comparison)
    told = [asdict(held) for held in comparison.held]
    for conversation in told:
        del conversation["calls_ms"]
    result.details["conversations"] = told
    print_conversations(comparison)
    report(result)
    print(comparison.missing, end="")
    return 1 if comparison.missing else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    leave(code)
