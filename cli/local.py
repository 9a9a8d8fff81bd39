"""A cluster of our own, for as long as a command runs: `demo` and `run --local` leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cli.cluster import Cluster, reach
from cli.exits import CommandError, Exit, unreachable
from worker.connect import Target
from worker.dev import Dev, Ready, WorkerError
from worker.settings import Settings, settings
from worker.start_line import ServerError, ServerOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from worker.settings import Flags

QUIET = "DETENT_QUIET"
"""Tells the worker process to say only what is wrong: its other lines would be drawn into the live tree."""


@contextlib.asynccontextmanager
async def own_cluster(flags: Flags, db: Path | None = None) -> AsyncIterator[tuple[Cluster, Ready]]:
    """Server, worker and a client of them. Without `db` nothing of it outlives the command, not even large values."""
    os.environ.setdefault(QUIET, "1")
    with contextlib.ExitStack() as stack:
        found = settings(flags, os.environ)
        if db is None and flags.blobs is None:
            found = replace(found, blobs=Path(stack.enter_context(TemporaryDirectory(prefix="detent-blobs-"))))
        stack.enter_context(said_plainly())
        stack.enter_context(_ended_in_order())
        async with Dev(ServerOptions(db=db), found) as dev:
            yield await cluster_of(dev.ready, found), dev.ready


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM cancels the command, so that it takes down what it started; by itself it would only end Python."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    told = False

    def end() -> None:
        nonlocal told
        told = True
        task.cancel()

    loop.add_signal_handler(signal.SIGTERM, end)
    try:
        yield
    except asyncio.CancelledError:
        if told:
            raise CommandError("Interrupted", "ended by SIGTERM", Exit.INTERRUPTED) from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def cluster_of(ready: Ready, found: Settings) -> Cluster:
    """A client of a server that we started."""
    return await reach(Target(ready.address, ready.namespace), ready.task_queue, found.blobs)


@contextlib.contextmanager
def said_plainly() -> Iterator[None]:
    """Turn what can go wrong with a server or worker of our own into a message and an exit code."""
    try:
        yield
    except ServerError as error:
        raise unreachable(str(error)) from error
    except WorkerError as error:
        code = Exit(error.code) if error.code in set(Exit) else Exit.UNEXPECTED
        raise CommandError("WorkerFailed", f"{error}; its reason stands above", code) from error
