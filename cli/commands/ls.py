"""`detent ls`: runs."""

from __future__ import annotations

import asyncio
import itertools

import click
from rich.text import Text

from cli.cluster import reach
from cli.context import Session, global_options, pass_session
from cli.listing import STATUSES, list_runs
from cli.render.run import PHASE_STYLES
from cli.render.tables import print_table
from cli.rows import RunRow

HEADS = ("run", "phase", "pauses", "tokens", "cost", "started", "ended")


@click.command()
@click.option("--phase", type=click.Choice(list(STATUSES)), help="Only runs in this phase.")
@click.option("--graph", metavar="G", help="Only runs of this graph.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many, the newest.")
@global_options
@pass_session
def ls(session: Session, phase: str | None, graph: str | None, limit: int) -> None:
    """List runs."""
    rows = asyncio.run(_rows(phase, graph, limit + 1))
    shown = rows[:limit]
    if session.as_json:
        session.print_json([row.model_dump(mode="json") for row in shown])
    elif not rows:
        session.note("no runs" + (" like that" if phase or graph else "; start one with `detent run GRAPH`"))
    else:
        print_table(HEADS, map(_cells, shown), ("bold", "", "", "", "", "dim", "dim"))
    if len(rows) > limit:
        session.note(f"more than {limit} runs; `--limit` shows more")


async def _rows(phase: str | None, graph: str | None, limit: int) -> list[RunRow]:
    cluster = await reach()
    rows: list[RunRow] = []
    async for row in list_runs(cluster, phase, graph):
        rows.append(row)
        if len(rows) >= limit:
            break
    return rows


def _cells(row: RunRow) -> tuple[object, ...]:
    phase = Text(row.phase, style=PHASE_STYLES[row.phase])
    cost = f"${row.cost_usd:.4f}"
    return (
        row.id,
        phase,
        row.pending or "",
        f"{row.tokens:,}",
        cost,
        short_time(row.started_at),
        short_time(row.ended_at),
    )


def short_time(at: str | None) -> str:
    """`2026-11-21 06:30:12`, in UTC as it came; empty for none."""
    return "".join(itertools.islice((at or "").replace("T", " "), 19))
