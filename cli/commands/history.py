"""`detent history`: a run's history in a file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from cli.cluster import reach
from cli.context import Session, global_options, pass_session
from cli.exits import CommandError, Exit
from cli.export import inline
from cli.options import FILE, run_argument
from cli.render.text import line
from cli.runs import find

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import WorkflowHistory


@click.command()
@run_argument
@click.option("-o", "file", type=FILE, metavar="FILE", help="Where to write it (default: stdout).")
@global_options
@pass_session
def history(session: Session, run: str, file: Path | None) -> None:
    """Export a run's history, whole, for `detent replay`.

    The form is Temporal's own JSON. Payloads that are stored outside of the history are put back in.
    """
    found = asyncio.run(_export(run))
    text = found.to_json()
    if file is None:
        click.echo(text)
        return
    try:
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        message = f"cannot write `{file}`: {(error.strerror or str(error)).lower()}"
        raise CommandError("FileError", message, Exit.UNEXPECTED) from error
    if session.as_json:
        session.print_json({"id": run, "run_id": found.run_id, "file": str(file), "events": len(found.events)})
    else:
        session.answer(f"{len(found.events)} events of {line(run)} in {file}")


async def _export(run: str) -> WorkflowHistory:
    cluster = await reach()
    described = await find(cluster, run)
    handle = cluster.client.get_workflow_handle(run, run_id=described.run_id)
    found = await handle.fetch_history()
    await inline(found, cluster.client.data_converter)
    return found
