"""`detent dev`: the real Temporal server and a worker, for as long as one works."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from cli.context import Session, global_options, pass_session
from cli.exits import not_yet
from cli.local import said_plainly
from cli.options import DIRECTORY, FILE, WorkerOptions, worker_options
from worker.dev import Dev, Ready
from worker.logs import log_to_stderr
from worker.settings import settings
from worker.start_line import ServerOptions

if TYPE_CHECKING:
    from pathlib import Path

    from worker.settings import Settings

PORT = 7233
UI_PORT = 8233


@click.command()
@click.option("--db", type=FILE, help="The server's database file; runs survive a restart (default: in memory).")
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="The server's port.")
@click.option("--ui-port", type=click.IntRange(1, 65535), default=UI_PORT, show_default=True, help="The UI's port.")
@click.option("--graphs", type=DIRECTORY, help="Not there yet: graphs that other graphs may call.")
@click.option("--task-queue", metavar="Q", help="The worker's task queue.")
@worker_options
@global_options
@pass_session
def dev(session: Session, /, *, graphs: Path | None, worker: WorkerOptions, **options: Any) -> None:
    """Run the embedded Temporal server and a worker until Ctrl-C.

    With --output json one line is printed when both are ready:
    {address, ui, namespace, task_queue, pid, worker_pid, server_pid}.
    """
    if graphs is not None:
        raise not_yet("--graphs")
    log_to_stderr()
    server = ServerOptions(db=options["db"], port=options["port"], ui_port=options["ui_port"])
    asyncio.run(_dev(session, server, settings(worker.flags(task_queue=options["task_queue"]), os.environ)))


async def _dev(session: Session, server: ServerOptions, found: Settings) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _end, loop, ending)
    with said_plainly():
        async with Dev(server, found) as running:
            _say(session, running.ready)
            await running.supervise(ending)
            session.note("stopping")


def _end(loop: asyncio.AbstractEventLoop, ending: asyncio.Event) -> None:
    """The first signal ends in order, a second one at once: the children end with us."""
    ending.set()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)


def _say(session: Session, ready: Ready) -> None:
    if session.as_json:
        session.print_json(asdict(ready), line=True)
        return
    session.answer(f"server  {ready.address}  (namespace {ready.namespace})")
    session.answer(f"ui      {ready.ui}")
    session.answer(f"worker  task queue {ready.task_queue}, process {ready.worker_pid}")
    session.note(_hint(ready))


def _hint(ready: Ready) -> str:
    prefix = "" if ready.address == f"127.0.0.1:{PORT}" else f"TEMPORAL_ADDRESS={ready.address} "
    return f"ready; in another terminal: {prefix}detent run GRAPH.  Ctrl-C stops both"
