"""`detent doctor`: is everything in place?"""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.text import Text

from cli.context import Session, global_options, pass_session
from cli.exits import Exit
from cli.options import WorkerOptions, worker_options
from cli.render.screen import show
from cli.render.text import line
from worker.doctor import examine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.doctor import Check

SERVER = "server"
NAME_WIDTH = 18


@click.command()
@click.option("--task-queue", metavar="Q", help="The task queue that a worker should poll.")
@worker_options
@global_options
@pass_session
def doctor(session: Session, task_queue: str | None, worker: WorkerOptions) -> int:
    """Check that everything is in place.

    Exits 6 when no server answers, 5 when something else is wrong.
    """
    checks = asyncio.run(examine(worker.flags(task_queue=task_queue), os.environ))
    if session.as_json:
        session.print_json([asdict(check) for check in checks])
    else:
        show(*(text for check in checks for text in _lines(check)))
    failed = {check.name for check in checks if not check.ok}
    if SERVER in failed:
        return Exit.UNREACHABLE
    return Exit.FAILED if failed else Exit.OK


def _lines(check: Check) -> Iterator[Text]:
    mark, style = ("✗ ", "red") if not check.ok else ("! ", "yellow") if check.remedy else ("✓ ", "green")
    first, *others = check.message.split("\n")
    yield Text.assemble((mark, style), f"{check.name:<{NAME_WIDTH}}", (line(first), "dim" if check.ok else ""))
    for other in others:
        yield Text(" " * (NAME_WIDTH + 2) + line(other))
    if check.remedy:
        yield Text(" " * (NAME_WIDTH + 2) + f"→ {line(check.remedy)}", style=style)
