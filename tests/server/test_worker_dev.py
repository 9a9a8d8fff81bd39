"""Server and worker under one supervisor: restarted when they die, gone when it ends."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from activities.blobs import DirectoryBlobs
from tests.support.processes import alive
from worker.connect import Target, connect
from worker.dev import Dev, WorkerError
from worker.settings import Flags, Settings, settings
from worker.start_line import ServerError, ServerOptions
from workflows.contracts.names import WORKFLOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.server
GRAPH = {
    "graph": "nap",
    "version": "1.0.0",
    "start": "nap",
    "nodes": {"nap": {"kind": "wait", "for": "1ms", "next": "end"}},
}


def made(root: Path) -> Settings:
    (root / "work").mkdir(exist_ok=True)
    return settings(Flags(workspace=root / "work", blobs=root / "blobs"), {"HOME": str(root)})


async def completed(dev: Dev, root: Path, key: str) -> str:
    """The phase in which a run ends that is started now."""
    client = await connect(Target(dev.ready.address), DirectoryBlobs(root / "blobs"))
    queue = dev.ready.task_queue
    view: Any = await client.execute_workflow(WORKFLOW, {"graph": GRAPH}, id=f"default/nap/{key}", task_queue=queue)
    return str(view["phase"])


@asynccontextmanager
async def supervised(dev: Dev) -> AsyncIterator[None]:
    until = asyncio.Event()
    watching = asyncio.create_task(dev.supervise(until))
    try:
        yield
    finally:
        until.set()
        await watching


def environ_of(pid: int) -> str:
    """What a process was started with."""
    return Path(f"/proc/{pid}/environ").read_bytes().decode()


async def test_the_seal_key_lies_beside_the_database_and_in_no_environment(tmp_path: Path) -> None:
    file = tmp_path / "state" / "runs.db"
    async with Dev(ServerOptions(db=file), made(tmp_path)) as dev:
        key = file.with_name("runs.db.key")
        assert key.stat().st_mode & 0o777 == 0o600
        said = environ_of(dev.ready.worker_pid)
        assert await completed(dev, tmp_path, "one") == "completed"
    assert key.read_text().strip() not in said
    assert "DETENT_SEAL_KEY=" not in said
    assert f"DETENT_KEY_FILES={key}" in said, "file tools know it as closed"
    before = key.read_text()
    async with Dev(ServerOptions(db=file), made(tmp_path)) as dev:
        assert await completed(dev, tmp_path, "two") == "completed"
    assert key.read_text() == before


async def other_pid(dev: Dev, field: str, old: int) -> int:
    """The new process id of what was killed."""
    for _ in range(400):
        now = int(getattr(dev.ready, field))
        if now != old:
            return now
        await asyncio.sleep(0.05)
    return 0


async def test_it_runs_graphs_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with Dev(ServerOptions(), made(tmp_path)) as dev:
        ready = dev.ready
        assert ready.pid == os.getpid()
        assert await completed(dev, tmp_path, "1") == "completed"
    assert not alive(ready.worker_pid)
    assert not alive(ready.server_pid)


async def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    async with Dev(ServerOptions(), made(tmp_path)) as dev, supervised(dev):
        old = dev.ready.worker_pid
        os.kill(old, signal.SIGKILL)
        assert await other_pid(dev, "worker_pid", old)
        assert await completed(dev, tmp_path, "1") == "completed"


async def test_a_killed_server_with_a_file_comes_back_where_it_was(tmp_path: Path) -> None:
    async with Dev(ServerOptions(db=tmp_path / "runs.db"), made(tmp_path)) as dev, supervised(dev):
        address, old = dev.ready.address, dev.ready.server_pid
        os.kill(old, signal.SIGKILL)
        assert await other_pid(dev, "server_pid", old)
        assert dev.ready.address == address
        await asyncio.sleep(0.5)
        assert await completed(dev, tmp_path, "1") == "completed"


async def test_a_killed_server_in_memory_is_the_end(tmp_path: Path) -> None:
    async with Dev(ServerOptions(), made(tmp_path)) as dev:
        os.kill(dev.ready.server_pid, signal.SIGKILL)
        with pytest.raises(ServerError, match=r"ended \(signal 9\) and its runs were in memory; use `--db`"):
            await dev.supervise(asyncio.Event())


async def test_a_worker_that_cannot_start_is_told_with_its_exit_code(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = made(tmp_path)
    policy = tmp_path / "policy.yaml"
    policy.write_text("policy: x\nversion: 1\ntenant: {}\n", encoding="utf-8")
    broken = settings(Flags(workspace=found.workspace, blobs=found.blobs, policy=policy), {"HOME": str(tmp_path)})
    with pytest.raises(WorkerError) as caught:
        await Dev(ServerOptions(), broken).__aenter__()
    assert caught.value.code == 7
    said = capfd.readouterr()
    assert f"{policy}:3:1: tenant:" in said.err
    assert "the worker did not start" in said.err
    assert said.out == ""
