"""`detent show`: one run as it is now."""

from __future__ import annotations

import asyncio

import click

from cli.cluster import reach
from cli.context import Session, global_options, pass_session
from cli.options import full_option, run_argument
from cli.printing import print_view
from cli.runs import view_of
from workflows.contracts.run import RunView


@click.command()
@run_argument
@full_option
@global_options
@pass_session
def show(session: Session, run: str, *, full: bool) -> None:
    """Show one run: its state, nodes, budget and pauses.

    A closed run is shown from what the server keeps; an open one needs its worker.
    """
    print_view(session, asyncio.run(_view(run)), full=full)


async def _view(run: str) -> RunView:
    return await view_of(await reach(), run)
