"""The embedded Temporal server: the real one, started, watched and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from temporalio.client import Client
from temporalio.service import RPCError

from worker.child import spawn, stop
from worker.database_lock import DatabaseLock
from worker.namespace import prepare_namespace
from worker.sdk_runtime import sdk_runtime
from worker.start_line import LOOPBACK, ServerError, ServerOptions, find_binary, free_port, start_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

STOP_GRACE_S = 5.0
POLL_S = 0.02
TAIL_LINES = 12
ATTEMPTS = 5
IN_USE = "address already in use"


class EmbeddedServer:
    """One server process, from ready to stopped; an async context manager.

    Known once started: `address` (`127.0.0.1:7233`), `ui` (an http URL), `namespace`, `pid`. It is ready
    when the namespace answers, our search attributes are registered and closed runs are kept. The
    process ends with this object, and on Linux with the thread that started it.
    """

    def __init__(self, options: ServerOptions | None = None, pick_port: Callable[[], int] = free_port) -> None:
        self.options = options or ServerOptions()
        self._pick_port = pick_port
        self.namespace = self.options.namespace
        self.address = ""
        self.ui = ""
        self._process: asyncio.subprocess.Process | None = None
        self._log = self.options.log
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._lock = DatabaseLock(self.options.db) if self.options.db else None

    @property
    def pid(self) -> int:
        """The server's process id; 0 before the start."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start and wait until ready; `ServerError` with the end of the server's log when it does not come up.

        Free ports are looked up before they are bound, so somebody may take one in between: then new
        ones are tried. Ports that were asked for are not changed.
        """
        binary = find_binary()
        if self._lock is not None:
            self._lock.take()
        for _ in range(ATTEMPTS):
            ports = (self.options.port or self._pick_port(), self.options.ui_port or self._pick_port())
            if await self._launched(binary, *ports):
                return
            if IN_USE not in self.log_tail() or (self.options.port and self.options.ui_port):
                break
        tail = self.log_tail()
        await self.stop()
        raise ServerError(_died(tail, self.options))

    def pin_ports(self) -> None:
        """Keep the present ports over another `start`, so that whoever has the address finds the server again."""
        port, ui_port = (int(place.rpartition(":")[2]) for place in (self.address, self.ui))
        self.options = replace(self.options, port=port, ui_port=ui_port)

    async def stop(self) -> None:
        """End the process and remove the log unless it was asked for.

        A server with a file gets five seconds to close it; one in memory has nothing to lose and ends at once.
        """
        if self._process is not None:
            await stop(self._process, STOP_GRACE_S if self.options.db else 0)
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = self._log = None
        if self._lock is not None:
            self._lock.drop()

    async def wait(self) -> int:
        """Return when the server ends, with its return code."""
        if self._process is None:
            raise ServerError("the server was not started")
        return await self._process.wait()

    def log_tail(self) -> str:
        """The last lines that the server wrote."""
        if self._log is None or not self._log.exists():
            return ""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:])

    async def _launched(self, binary: Path, port: int, ui_port: int) -> bool:
        if self._log is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="detent-server-")
            self._log = Path(self._scratch.name) / "server.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as output:
            self._process = await spawn(start_line(binary, self.options, port, ui_port), output.fileno(), _environ())
        self.address, self.ui = f"{LOOPBACK}:{port}", f"http://{LOOPBACK}:{ui_port}"
        try:
            return await self._ready(port)
        except BaseException:  # whatever interrupts the wait, the child must not stay behind
            await self.stop()
            raise

    async def _ready(self, port: int) -> bool:
        """Whether the namespace came up; false when the process ended, `ServerError` when it took too long."""
        process = self._process
        deadline = asyncio.get_running_loop().time() + self.options.ready_timeout_s
        while process is not None and process.returncode is None:
            if await _listens(port) and self._is_ours(port) and await self._prepared():
                return True
            if asyncio.get_running_loop().time() > deadline:
                message = f"the temporal server was not ready after {self.options.ready_timeout_s:g} s"
                raise ServerError(f"{message}; its log ends:\n{self.log_tail()}")
            await asyncio.sleep(POLL_S)
        return False

    def _is_ours(self, port: int) -> bool:
        """Whether it is our child that listens: it names its address then, and an error if somebody else has it."""
        tail = self.log_tail()
        return f":{port}" in tail and IN_USE not in tail

    async def _prepared(self) -> bool:
        try:
            client = await Client.connect(self.address, namespace=self.namespace, runtime=sdk_runtime())
            await prepare_namespace(client)
        except (RPCError, RuntimeError):  # the port is open before the services behind it answer
            return False
        return True


async def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.close()
        return True
    return False


def _environ() -> dict[str, str]:
    """What the server may know of our environment: no settings of another cluster, and no keys."""
    return {name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR", "TZ") if name in os.environ}


def _died(tail: str, options: ServerOptions) -> str:
    if IN_USE in tail:
        ports = " or ".join(f"`{port}`" for port in (options.port, options.ui_port) if port)
        return f"port {ports} is in use: stop what runs there, or choose others with `--port` and `--ui-port`"
    if "not a database" in tail or "unable to open database file" in tail:
        return f"`{options.db}` cannot be opened as the server's database; name another file with `--db`"
    return f"the temporal server ended before it was ready; its log ends: {' / '.join(tail.splitlines())}"
