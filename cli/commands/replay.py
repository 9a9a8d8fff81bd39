"""`detent replay`: does this code still agree with what was recorded?"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.text import Text

from cli.context import Session, global_options, pass_session
from cli.exits import Exit
from cli.render.screen import show
from cli.render.text import line
from cli.replaying import ReplayRow, read_history
from cli.replaying import replay as replay_histories

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--sandbox/--no-sandbox", default=True, show_default=True, help="Replay inside Temporal's sandbox or outside."
)
@click.option("--namespace", default="default", show_default=True, help="Where the runs were recorded.")
@global_options
@pass_session
def replay(session: Session, files: tuple[str, ...], namespace: str, *, sandbox: bool) -> int:
    """Replay histories offline: does this code still agree with them?

    Exits 5 when one does not.
    """
    histories = [read_history(file) for file in files]
    with _quiet(unless=session.debug):
        rows = asyncio.run(replay_histories(files, histories, sandbox=sandbox, namespace=namespace))
    if session.as_json:
        session.print_json([row.model_dump(mode="json") for row in rows])
    else:
        show(*map(_row, rows))
    return Exit.OK if all(row.ok for row in rows) else Exit.FAILED


@contextmanager
def _quiet(*, unless: bool) -> Iterator[None]:
    """Keep the SDK from logging what the rows say."""
    before = logging.root.manager.disable
    if not unless:
        logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _row(row: ReplayRow) -> Text:
    if row.error is None:
        return Text.assemble(("✓ ", "green"), line(row.file), (f"  {row.events} events", "dim"))
    at = f" at event {row.error.event_id}" if row.error.event_id is not None else ""
    return Text.assemble(("✗ ", "red"), line(row.file), (f"{at}: {line(row.error.message)}", "red"))
