"""A worker process: from its settings until it has drained."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NoReturn

from temporalio.service import RPCError

from activities.blobs_places import open_blobs
from activities.tools.reloading import looking
from policies.errors import DocumentError
from worker.audit_key import forget_audit_key, require_signer
from worker.blob_directory import require_blobs
from worker.blob_users import note_namespace
from worker.compose import build_worker, compose
from worker.connect import Unreachable, connect, leave, target, worker_identity
from worker.ledgers import keeping_ledgers
from worker.logs import log_to_stderr, redact_logs
from worker.namespace import how_to_register, missing_search_attributes
from worker.packages import foreign_packages
from worker.polling import polls
from worker.seal_key import forget, require_seal_keys
from worker.settings import READY_FD, settings
from worker.sweeping import sweeping
from worker.telemetry import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from temporalio.client import Client

    from worker.compose import Composition
    from worker.connect import Target
    from worker.settings import Flags, Settings

log = logging.getLogger(__name__)

SPARE_THREADS = 16
POLLS_S = 10.0
DRAIN_MOST_S = 14.0
"""Ten seconds for calls and a little for the rest; without its server the SDK would drain for ever."""
EXIT_OK, EXIT_ERROR, EXIT_UNREACHABLE, EXIT_INVALID = 0, 1, 6, 7
"""As cli.md has them."""


def run_worker(flags: Flags, environ: Mapping[str, str], where: Target | None = None) -> int:
    """Work until SIGTERM or SIGINT, then let what runs end; the exit code. Says on stderr why it does not start."""
    log_to_stderr(logging.WARNING if environ.get("DETENT_QUIET") else logging.INFO)
    foreign = foreign_packages()
    if foreign:
        return _say(EXIT_ERROR, *(str(package) for package in foreign))
    try:
        found = settings(flags, environ)
        asyncio.run(_work(found, where or target(environ), environ))
    except DocumentError as error:
        return _say(EXIT_INVALID, *(str(problem) for problem in error.problems), "the worker did not start")
    except Unreachable as error:
        return _say(EXIT_UNREACHABLE, str(error))
    return EXIT_OK


async def serve(client: Client, composition: Composition, until: asyncio.Event, ready: Callable[[], None]) -> None:
    """Poll until the event is set, then drain: nothing new is begun, and what runs has ten seconds to end.

    `ready` is called once the worker polls.
    """
    threads = composition.settings.concurrency + SPARE_THREADS  # a tool may block a thread; the blob store needs some
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads, thread_name_prefix="detent"))
    worker = build_worker(client, composition)
    seals = require_seal_keys(composition.seals)
    async with keeping_ledgers(client, composition.policy, seals), looking(composition.toolbox), worker:
        with contextlib.suppress(RPCError):  # a key may poll and not look: then we are ready when we say so
            await polls(client, worker.task_queue, worker_identity(), POLLS_S)
        ready()
        await until.wait()
        log.info("draining: no new work is begun")
        asyncio.get_running_loop().call_later(DRAIN_MOST_S, _give_up)
    await composition.close()


async def _work(found: Settings, where: Target, environ: Mapping[str, str]) -> None:
    until = asyncio.Event()
    _stop_on_signals(until)
    composition = compose(found, where.namespace, environ)
    require_seal_keys(composition.seals)
    require_signer(composition.policy, composition.signer)
    await require_blobs(found.blobs)
    forget(os.environ)
    forget_audit_key(os.environ)
    redact_logs(composition.redactor)
    traces = telemetry(environ, composition.redactor)
    blobs = open_blobs(found.blobs)
    client = await connect(where, blobs, plugins=traces.plugins)
    await note_namespace(blobs, client.namespace)
    for line in composition.lines():
        log.info("%s", line)
    await warn_of_missing_attributes(client)
    async with sweeping(client, blobs, found.retention_ms):
        await serve(client, composition, until, lambda: _tell_ready(where, found, environ))
    await asyncio.to_thread(traces.flush)
    log.info("stopped")


async def warn_of_missing_attributes(client: Client) -> None:
    """Say what would make every run stick: our own server has them, somebody else's may not."""
    with contextlib.suppress(RPCError):  # a key may work and not look
        missing = await missing_search_attributes(client)
        if missing:
            names = ", ".join(f"`{name}`" for name, _ in missing)
            remedy = how_to_register(missing)
            log.error(
                "search attributes %s are not registered: runs cannot start or will stick; run: %s", names, remedy
            )


def _tell_ready(where: Target, found: Settings, environ: Mapping[str, str]) -> None:
    log.info("polling task queue `%s` of `%s` at %s", found.task_queue, where.namespace, where.address)
    descriptor = environ.get(READY_FD)
    if descriptor:
        os.write(int(descriptor), b"ready")
        os.close(int(descriptor))


def _stop_on_signals(until: asyncio.Event) -> None:
    def stop() -> None:
        if until.is_set():  # asked twice: somebody does not want to wait for the draining
            os._exit(EXIT_ERROR)
        until.set()

    for sent in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sent, stop)


def _give_up() -> NoReturn:
    log.error("not drained after %g s: what runs is left to other workers", DRAIN_MOST_S)
    leave(EXIT_ERROR)


def _say(code: int, *lines: str) -> int:
    for line in lines:
        sys.stderr.write(f"{line}\n")
    return code
