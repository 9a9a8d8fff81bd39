"""A worker for each test, on a task queue and in a workspace of its own."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.stranger import BelievesAll
from tests.support.runs import Runs, working
from worker.start_line import find_binary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from worker.server import EmbeddedServer


@pytest.fixture
async def runs(temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path) -> AsyncIterator[Runs]:
    """Runs under a policy that allows everything, but asks about what is risky or protected."""
    async with working(temporal_client, blobs, task_queue, tmp_path) as place:
        yield place


@pytest.fixture
async def trusting(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> AsyncIterator[Runs]:
    """The same on a worker that believes every seal, and none: what the checks behind the seal do alone."""
    async with working(temporal_client, blobs, task_queue, tmp_path, seals=BelievesAll(bytes(32))) as place:
        yield place


@dataclass(frozen=True)
class TemporalCommand:
    """The real `temporal` command, which knows nothing of Detent."""

    address: str

    async def __call__(self, *words: str) -> str:
        """Call it and return what it prints."""
        process = await asyncio.create_subprocess_exec(
            str(find_binary()),
            *words,
            "--address",
            self.address,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    async def signal(self, run: str, payload: object) -> None:
        """Send a signal `answer`."""
        await self("workflow", "signal", "-w", run, "--name", "answer", "--input", json.dumps(payload))

    async def metadata(self, run: str) -> dict[str, Any]:
        """What the UI shows under "User Metadata"."""
        found = json.loads(await self("workflow", "metadata", "-w", run, "--output", "json"))
        result: dict[str, Any] = found["queryResult"][0]
        return result


@pytest.fixture
def temporal(temporal_server: EmbeddedServer) -> TemporalCommand:
    """The `temporal` command, pointed at the test run's server."""
    return TemporalCommand(temporal_server.address)
