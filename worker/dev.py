"""A server with a worker, kept running until told to stop: what `detent dev`, `demo` and `run --local` stand on."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from worker.child import spawn, stop
from worker.seal_key import PIPE, forget, fresh, make_or_read, pipe_of, require_seal_keys, seal_keys
from worker.server import EmbeddedServer
from worker.settings import READY_FD, as_environ
from worker.start_line import ServerError, ServerOptions

if TYPE_CHECKING:
    from types import TracebackType

    from activities.seal import SealKeys
    from worker.settings import Settings

log = logging.getLogger(__name__)

DRAIN_S = 15.0
DRAIN_WITHOUT_SERVER_S = 1.0
"""A worker waits for its server before it ends; when that is gone there is nothing to wait for."""
READY_S = 30.0
KEY_SUFFIX = ".key"
"""Behind the database's name: the key that its runs are sealed with."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
STEADY_S = 2.0
ROOT = Path(__file__).resolve().parent.parent


class WorkerError(Exception):
    """The worker ended before it was ready; it has said why on stderr. `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the worker ended with exit code {code} before it was ready")
        self.code = code


@dataclass(frozen=True, slots=True)
class Ready:
    """Where everything is. `pid` is the supervisor's own."""

    address: str
    ui: str
    namespace: str
    task_queue: str
    pid: int
    worker_pid: int
    server_pid: int


class Dev:
    """One embedded server with one worker process; an async context manager that leaves neither behind."""

    def __init__(self, server: ServerOptions, settings: Settings) -> None:
        self._server = EmbeddedServer(server)
        self._settings = _with_own_files(settings, server.db)
        self._seals: SealKeys | None = None
        self._worker: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        await self._server.start()
        self._server.pin_ports()
        try:
            self._seals = _seals(self._server.options.db)
            await self._start_worker()
        except BaseException:  # whatever interrupts the start, the server must not stay behind
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    @property
    def ready(self) -> Ready:
        """Where everything is now; the process ids change when something was restarted."""
        server = self._server
        worker_pid = self._worker.pid if self._worker else 0
        queue = self._settings.task_queue
        return Ready(server.address, server.ui, server.namespace, queue, os.getpid(), worker_pid, server.pid)

    async def supervise(self, until: asyncio.Event) -> None:
        """Restart what ends unexpectedly until the event is set; `ServerError` when a server in memory ends."""
        watches = [asyncio.create_task(self._keep_server()), asyncio.create_task(self._keep_worker())]
        ending = asyncio.create_task(until.wait())
        try:
            done, _ = await asyncio.wait([*watches, ending], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (*watches, ending):
                task.cancel()
            await asyncio.gather(*watches, ending, return_exceptions=True)

    async def _keep_server(self) -> None:
        pause = _BackOff()
        while True:
            code = await self._server.wait()
            if self._server.options.db is None:
                raise ServerError(f"the temporal server ended ({_how(code)}) and its runs were in memory; use `--db`")
            log.warning("the temporal server ended (%s); starting it again", _how(code))
            await pause.wait()
            try:
                await self._server.start()
            except ServerError as error:
                log.warning("%s", error)

    async def _keep_worker(self) -> None:
        pause = _BackOff()
        while self._worker is not None:
            code = await self._worker.wait()
            log.warning("the worker ended (%s); starting it again", _how(code))
            await pause.wait()
            try:
                await self._start_worker()
            except WorkerError as error:
                log.warning("%s", error)

    async def _start_worker(self) -> None:
        """Start the worker and wait until it polls. It says so through a pipe, which closes if it ends instead."""
        reading, writing = os.pipe()
        keys = pipe_of(require_seal_keys(self._seals))
        try:
            pipes = {READY_FD: str(writing), PIPE: str(keys)}
            environ = {**_inherited(), **as_environ(self._settings), **self._place(), **pipes}
            line = (sys.executable, "-m", "worker")
            self._worker = await spawn(line, sys.stderr.fileno(), environ, keep=(writing, keys), directory=ROOT)
        finally:
            os.close(writing)
            os.close(keys)
        said = await _first_bytes(reading, READY_S)
        if not said:
            raise WorkerError(await stop(self._worker, 0))

    def _place(self) -> dict[str, str]:
        return {
            "TEMPORAL_ADDRESS": self._server.address,
            "TEMPORAL_NAMESPACE": self._server.namespace,
            "TEMPORAL_CONFIG_FILE": os.devnull,
        }

    async def _stop(self) -> None:
        if self._worker is not None:
            await stop(self._worker, DRAIN_S if self._server.alive else DRAIN_WITHOUT_SERVER_S)
        await self._server.stop()


def _with_own_files(settings: Settings, db: Path | None) -> Settings:
    """The settings with what no tool may touch because it is ours."""
    if db is None:
        return replace(settings, database=None)
    return replace(settings, database=db.resolve(), keys=(*settings.keys, _key_file(db)))


def _seals(db: Path | None) -> SealKeys:
    """The seal keys that the environment names; else the ones beside the database, or new ones for one in memory."""
    return seal_keys(os.environ) or (fresh() if db is None else make_or_read(_key_file(db)))


def _key_file(db: Path) -> Path:
    return db.with_name(db.name + KEY_SUFFIX).absolute()


def _inherited() -> dict[str, str]:
    """Our environment without the settings of some other cluster; provider keys stay, the worker resolves them."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    forget(found)
    return found


async def _first_bytes(reading: int, timeout_s: float) -> bytes:
    """What comes first through a pipe; empty when its other end closes, or after `timeout_s`."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    pipe = os.fdopen(reading, "rb")
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        return await asyncio.wait_for(reader.read(16), timeout_s)
    except TimeoutError:
        return b""
    finally:
        transport.close()


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


class _BackOff:
    """Waits longer each time that something ends soon after its start."""

    def __init__(self) -> None:
        self._pause_s = FIRST_PAUSE_S
        self._since = asyncio.get_running_loop().time()

    async def wait(self) -> None:
        now = asyncio.get_running_loop().time()
        self._pause_s = FIRST_PAUSE_S if now - self._since > STEADY_S else min(self._pause_s * 2, LONGEST_PAUSE_S)
        await asyncio.sleep(self._pause_s)
        self._since = asyncio.get_running_loop().time()
