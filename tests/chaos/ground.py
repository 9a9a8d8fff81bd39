"""The processes of a chaos run: a server with a file, a worker, both killed and started again by process id."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from activities.blobs import DirectoryBlobs
from worker.child import spawn, stop
from worker.connect import Target, connect
from worker.server import EmbeddedServer
from worker.settings import READY_FD
from worker.start_line import ServerOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from temporalio.client import Client

MATERIAL = Path(__file__).resolve().parent / "material"
READY_S = 60.0
SEAL_KEY = base64.b64encode(bytes(range(32))).decode()
FILES = tuple(f"in/{name}.txt" for name in ("one", "two", "three", "four", "five", "six"))


@dataclass
class Ground:
    """What is running, and the files in which effects can be counted. `extra` is put into workers' environments."""

    top: Path
    server: EmbeddedServer
    client: Client
    extra: Mapping[str, str] = field(default_factory=dict)
    worker: asyncio.subprocess.Process | None = None
    starts_s: list[float] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        """One line per effect of `journal.append`."""
        return self.top / "journal.jsonl"

    @property
    def served(self) -> Path:
        """One line per model call that was answered, or begun to be."""
        return self.top / "material" / "served.jsonl"

    @property
    def workspace(self) -> Path:
        """Where the file tools work."""
        return self.top / "workspace"

    async def start_worker(self) -> None:
        """Start `detent worker` and wait until it polls."""
        begun = time.monotonic()
        reading, writing = os.pipe()
        with (self.top / "worker.log").open("ab") as log:
            self.worker = await spawn(self._line(), log.fileno(), self._environ(writing), keep=(writing,))
        os.close(writing)
        try:
            ready = await asyncio.wait_for(asyncio.to_thread(os.read, reading, 16), READY_S)
        finally:
            os.close(reading)
        if not ready:
            raise AssertionError("the worker ended before it was ready:\n" + self.log_tail())
        self.starts_s.append(time.monotonic() - begun)

    async def kill_worker(self) -> float:
        """SIGKILL, and when, in seconds since the epoch."""
        assert self.worker is not None
        os.kill(self.worker.pid, signal.SIGKILL)
        killed = time.time()
        await self.worker.wait()
        return killed

    async def kill_server(self) -> float:
        """SIGKILL, and when, in seconds since the epoch."""
        os.kill(self.server.pid, signal.SIGKILL)
        killed = time.time()
        await self.server.wait()
        return killed

    def log_tail(self) -> str:
        """The end of what the workers said."""
        return (self.top / "worker.log").read_text(encoding="utf-8", errors="replace")[-2000:]

    def _line(self) -> tuple[str, ...]:
        material = self.top / "material"
        files = ("--policy", str(material / "policy.yaml"), "--models", str(material / "models.yaml"))
        places = ("--tools", str(material / "tools"), "--workspace", str(self.workspace))
        return (str(Path(sys.executable).with_name("detent")), "worker", *files, *places)

    def _environ(self, writing: int) -> dict[str, str]:
        ours = ("TEMPORAL_", "DETENT_", "ANTHROPIC_", "OTEL_")
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
            "TEMPORAL_ADDRESS": self.server.address,
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "DETENT_CONFIG": os.devnull,
            "DETENT_BLOBS": str(self.top / "blobs"),
            "DETENT_SEAL_KEY": SEAL_KEY,
            "CHAOS_JOURNAL": str(self.journal),
            READY_FD: str(writing),
            **self.extra,
        }


@contextlib.asynccontextmanager
async def ground(top: Path, material: Path = MATERIAL, **extra: str) -> AsyncIterator[Ground]:
    """A server on a database file with a worker; whatever runs at the end is ended."""
    shutil.copytree(material, top / "material")
    for name in FILES:
        path = top / "workspace" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"The text of {name}.\n", encoding="utf-8")
    async with EmbeddedServer(ServerOptions(db=top / "temporal.db", log=top / "server.log")) as server:
        server.pin_ports()
        client = await connect(Target(server.address, server.namespace), DirectoryBlobs(top / "blobs"))
        at = Ground(top, server, client, extra)
        try:
            await at.start_worker()
            yield at
        finally:
            if at.worker is not None:
                await stop(at.worker, 0)
