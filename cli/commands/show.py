"""`detent show`: one run as it is now."""

from __future__ import annotations

import asyncio
import os

import click

from activities.blobs_places import open_blobs
from cli.cluster import reach
from cli.context import Session, global_options, pass_session
from cli.options import full_option, run_argument
from cli.printing import print_view
from cli.render.screen import show as show_lines
from cli.render.sizes import size_lines
from cli.render.text import line
from cli.run_sizes import ShownRun, with_sizes
from cli.runs import find, view_of
from worker.settings import blobs_place


@click.command()
@run_argument
@full_option
@global_options
@pass_session
def show(session: Session, run: str, *, full: bool) -> None:
    """Show one run: its state, nodes, budget, pauses and size.

    A closed run is shown from what the server keeps; an open one needs its worker.
    """
    found, why = asyncio.run(_shown(run))
    print_view(session, found, full=full)
    if not session.as_json:
        show_lines(*size_lines(found))
    if why is not None:
        session.note(f"its blobs could not be counted: {line(why, 500)}")


async def _shown(run: str) -> tuple[ShownRun, str | None]:
    cluster = await reach()
    described = await find(cluster, run)
    view = await view_of(cluster, run)
    store = open_blobs(blobs_place(os.environ))
    return await with_sizes(cluster.client, store, view, described.run_id or view.run_id)
