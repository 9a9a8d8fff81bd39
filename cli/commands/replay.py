"""`detent replay`: does this code still agree with what was recorded?"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from cli.context import Session, global_options, pass_session
from cli.exits import Exit, usage
from cli.options import FILE
from cli.render.screen import show
from cli.render.text import line
from cli.replaying import ReplayRow, read_history
from cli.replaying import replay as replay_histories
from cli.retracing import replay_envelopes

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE...]")
@click.option(
    "--sandbox/--no-sandbox", default=True, show_default=True, help="Replay inside Temporal's sandbox or outside."
)
@click.option("--envelopes", type=FILE, help="Route a run again from what `detent records` printed of it.")
@click.option("--history", type=FILE, help="With --envelopes: a history of that run, for its graph.")
@click.option("--graph", type=FILE, help="With --envelopes: the graph itself.")
@click.option("--namespace", default="default", show_default=True, help="Where the runs were recorded.")
@global_options
@pass_session
def replay(
    session: Session, /, files: tuple[str, ...], namespace: str, *, sandbox: bool, **retracing: Path | None
) -> int:
    """Replay histories offline: does this code still agree with them?

    With --envelopes nothing but a run's execution records and its graph are needed: every task comes to what its record
    says, plans are decided anew, and each must lead where the records say that the token went.

    Exits 5 when they do not agree.
    """
    envelopes, history, graph = (_name(retracing[option]) for option in ("envelopes", "history", "graph"))
    if envelopes is not None:
        if files:
            raise usage("`--envelopes` takes no histories to replay; `--history FILE` says what the graph was")
        return replay_envelopes(session, envelopes, history, graph)
    if history is not None or graph is not None:
        raise usage("`--history` and `--graph` go with `--envelopes`")
    if not files:
        raise usage("give a FILE of `detent history`, or `--envelopes FILE`")
    histories = [read_history(file) for file in files]
    with _quiet(unless=session.debug):
        rows = asyncio.run(replay_histories(files, histories, sandbox=sandbox, namespace=namespace))
    if session.as_json:
        session.print_json([row.model_dump(mode="json") for row in rows])
    else:
        show(*map(_row, rows))
    return Exit.OK if all(row.ok for row in rows) else Exit.FAILED


def _name(path: Path | None) -> str | None:
    return None if path is None else str(path)


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
