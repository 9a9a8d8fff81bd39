"""`detent pending`: what waits for a person."""

from __future__ import annotations

import asyncio

import click
from rich.text import Text

from cli.cluster import reach, require_worker
from cli.context import Session, global_options, pass_session
from cli.listing import list_pauses
from cli.options import full_option
from cli.render.pause import pause_lines
from cli.render.screen import show
from cli.rows import PauseRow
from cli.runs import find_open, pauses_of


@click.command()
@click.argument("run", metavar="[RUN]", required=False)
@full_option
@global_options
@pass_session
def pending(session: Session, run: str | None, *, full: bool) -> None:
    """List open pauses, of one run or of all."""
    rows, silent = asyncio.run(_pending(run))
    if session.as_json:
        session.print_json([row.model_dump(mode="json") for row in rows])
    else:
        for index, row in enumerate(rows):
            show(*([Text()] if index else []), Text(f"{row.run}", style="bold"), *pause_lines(row, row.run, full=full))
    for name in silent:
        session.note(f"run `{name}` did not answer: `detent show` says why")
    if not rows and not session.as_json:
        session.note("nothing waits for a person")


async def _pending(run: str | None) -> tuple[list[PauseRow], list[str]]:
    cluster = await reach()
    await require_worker(cluster)
    if run is None:
        return await list_pauses(cluster)
    await find_open(cluster, run)
    return [PauseRow(run=run, **pause.model_dump()) for pause in await pauses_of(cluster, run)], []
