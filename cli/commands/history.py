"""`detent history`: a run's history in files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.cluster import reach
from cli.context import Session, global_options, pass_session
from cli.exits import CommandError, Exit
from cli.histories import continued_from, fetch
from cli.options import FILE, run_argument
from cli.render.text import line

if TYPE_CHECKING:
    from temporalio.client import WorkflowHistory


@click.command()
@run_argument
@click.option("-o", "file", type=FILE, metavar="FILE", help="Where to write it (default: stdout).")
@global_options
@pass_session
def history(session: Session, run: str, file: Path | None) -> None:
    """Export a run's history, whole, for `detent replay`.

    The form is Temporal's own JSON. Payloads that are stored outside of the history are put back in.
    A run that was continued as new has a history for each of its executions: with `-o run.json` they are
    run.json, run.2.json, run.3.json, …, the oldest first; stdout gets the last one alone.
    """
    found = asyncio.run(_export(run, last_only=file is None))
    if file is None:
        click.echo(found[-1].to_json())
        if continued_from(found[-1]):
            session.note(f"this is the last execution of {line(run)}; `-o FILE` writes those before it, too")
        return
    files = [_numbered(file, number) for number in range(1, len(found) + 1)]
    for place, one in zip(files, found, strict=True):
        _write(place, one)
    _say(session, run, files, found)
    if continued_from(found[0]):
        session.note("the server has no history of earlier executions any more: its retention is over")


def _numbered(file: Path, number: int) -> Path:
    """`run.json`, `run.2.json`, `run.3.json`."""
    return file if number == 1 else file.with_name(f"{file.stem}.{number}{file.suffix}")


def _write(file: Path, found: WorkflowHistory) -> None:
    try:
        file.write_text(found.to_json() + "\n", encoding="utf-8")
    except OSError as error:
        message = f"cannot write `{file}`: {(error.strerror or str(error)).lower()}"
        raise CommandError("FileError", message, Exit.UNEXPECTED) from error


def _say(session: Session, run: str, files: list[Path], found: list[WorkflowHistory]) -> None:
    events = sum(len(one.events) for one in found)
    names = list(map(str, files))
    if session.as_json:
        session.print_json({"id": run, "run_id": found[-1].run_id, "file": names[0], "files": names, "events": events})
    else:
        session.answer(f"{events} events of {line(run)} in {', '.join(map(line, names))}")


async def _export(run: str, *, last_only: bool) -> list[WorkflowHistory]:
    return await fetch(await reach(), run, last_only=last_only)
