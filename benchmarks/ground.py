"""Where the benchmarks of whole runs take place: one real server, workers in processes of their own, one client."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from activities.blobs import DirectoryBlobs
from benchmarks.worker import UNSANDBOXED
from cli.cluster import Cluster
from cli.start import Start, start
from tests.support.cards import policy_document
from worker.child import spawn, stop
from worker.connect import Target, connect
from worker.server import EmbeddedServer
from worker.settings import READY_FD, Settings, as_environ
from worker.start_line import ServerOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from temporalio.client import Client, WorkflowHandle

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
FILE = "notes.txt"
READY_S = 30.0
SEAL_KEY = base64.b64encode(bytes(range(32))).decode()


@dataclass(frozen=True, slots=True)
class Ground:
    """A server and a client of it; `settings` is what workers are started with."""

    server: EmbeddedServer
    client: Client
    settings: Settings

    async def start(self, graph: dict[str, object], queue: str) -> WorkflowHandle[object, object]:
        """Start a run of a graph, as `detent run` does."""
        cluster = Cluster(self.client, queue, self.server.address)
        started = await start(cluster, Start(graph, None, None, None))
        return self.client.get_workflow_handle(started.id)


@dataclass(frozen=True, slots=True)
class Process:
    """A worker process and the queue that it polls."""

    pid: int
    queue: str

    def cpu_s(self) -> float:
        """User and system time so far, of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_kib(self) -> int:
        """Memory that it has in use."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGESIZE") // 1024


@contextlib.asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """An embedded server with its start line, in memory; a workspace with one small file; a policy without limits."""
    with tempfile.TemporaryDirectory(prefix="detent-bench-") as scratch:
        top = Path(scratch)
        workspace, blobs, policy = top / "workspace", top / "blobs", top / "policy.yaml"
        workspace.mkdir()
        (workspace / FILE).write_text("one line of text, as files have them\n", encoding="utf-8")
        policy.write_text(json.dumps(policy_document(loop_guard=None)), encoding="utf-8")
        async with EmbeddedServer(ServerOptions()) as server:
            client = await connect(Target(server.address, server.namespace), DirectoryBlobs(blobs))
            yield Ground(server, client, Settings(workspace=workspace, blobs=blobs, policy=policy))


@contextlib.asynccontextmanager
async def worker(at: Ground, queue: str, *, sandbox: bool = True) -> AsyncIterator[Process]:
    """A worker process on a queue of its own, from polling until it is killed."""
    reading, writing = os.pipe()
    environ = {
        **os.environ,
        **as_environ(at.settings),
        "DETENT_TASK_QUEUE": queue,
        "DETENT_SEAL_KEY": SEAL_KEY,
        "TEMPORAL_ADDRESS": at.server.address,
        "TEMPORAL_NAMESPACE": at.server.namespace,
        "TEMPORAL_CONFIG_FILE": os.devnull,
        READY_FD: str(writing),
        UNSANDBOXED: "" if sandbox else "1",
    }
    line = (sys.executable, "-m", "benchmarks.worker")
    process = await spawn(line, sys.stderr.fileno(), environ, keep=(writing,), directory=ROOT)
    os.close(writing)
    try:
        ready = await asyncio.wait_for(asyncio.to_thread(os.read, reading, 16), READY_S)
        if not ready:
            raise SystemExit("the worker ended before it was ready; it has said why")
        yield Process(process.pid, queue)
    finally:
        os.close(reading)
        await stop(process, 0)


def chain(steps: int) -> dict[str, object]:
    """A graph of so many sequential `fs.read` nodes."""
    names = [f"read{place}" for place in range(steps)]
    following = [*names[1:], "end"]
    return {
        "graph": "chain",
        "version": "1.0.0",
        "state": {"text": {}},
        "capabilities": [{"tool": ["fs.read"]}, {"fs.read": ["**"]}],
        "defaults": {"timeout": "60s"},
        "start": names[0],
        "nodes": {
            name: {
                "kind": "tool",
                "tool": "fs.read",
                "with": {"path": FILE},
                "writes": {"text": "${result.text}"},
                "next": after,
            }
            for name, after in zip(names, following, strict=True)
        },
        "output": "${state.text}",
    }
