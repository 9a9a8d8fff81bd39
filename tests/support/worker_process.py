"""A worker as operators run it, in a process of its own, to be killed and started again."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from worker.child import spawn, stop
from worker.settings import READY_FD

if TYPE_CHECKING:
    from collections.abc import Mapping

READY_S = 60.0
SEAL_KEY = base64.b64encode(bytes(range(32))).decode()
FOREIGN = ("TEMPORAL_", "DETENT_", "ANTHROPIC_", "OTEL_")


@dataclass
class WorkerProcess:
    """One `detent worker` on a server, with `policy.yaml` and `models.yaml` of a directory."""

    directory: Path
    address: str
    namespace: str
    task_queue: str
    blobs: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> Path:
        """All that its processes wrote."""
        return self.directory / "worker.log"

    async def start(self) -> None:
        """Start it and wait until it polls."""
        reading, writing = os.pipe()
        (self.directory / "workspace").mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self.process = await spawn(self._line(), log.fileno(), self._environ(writing), keep=(writing,))
        os.close(writing)
        try:
            ready = await asyncio.wait_for(asyncio.to_thread(os.read, reading, 16), READY_S)
        finally:
            os.close(reading)
        if not ready:
            told = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise AssertionError(f"the worker ended before it was ready:\n{told}")

    async def kill(self) -> None:
        """SIGKILL: it can say nothing any more."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> None:
        """End it, in order if it will."""
        if self.process is not None:
            await stop(self.process, 0)

    def _line(self) -> tuple[str, ...]:
        files = ("--policy", str(self.directory / "policy.yaml"), "--models", str(self.directory / "models.yaml"))
        tools = ("--tools", str(self.directory / "tools")) if (self.directory / "tools").is_dir() else ()
        places = ("--workspace", str(self.directory / "workspace"), "--task-queue", self.task_queue)
        return (str(Path(sys.executable).with_name("detent")), "worker", *files, *tools, *places)

    def _environ(self, writing: int) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
            "TEMPORAL_ADDRESS": self.address,
            "TEMPORAL_NAMESPACE": self.namespace,
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "DETENT_CONFIG": os.devnull,
            "DETENT_BLOBS": str(self.blobs),
            "DETENT_SEAL_KEY": SEAL_KEY,
            **self.environ,
            READY_FD: str(writing),
        }
