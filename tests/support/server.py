"""One real Temporal server for the whole test run, with a fresh task queue for each test."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from activities.blobs import DirectoryBlobs
from worker.connect import Target, connect
from worker.server import EmbeddedServer
from worker.start_line import ServerOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from temporalio.client import Client

# Off for every run that does not ask for it; with it, a test of a deadline skips the hours.
TIME_SKIPPING = "frontend.WorkflowTimeSkippingEnabled=true"


@pytest.fixture(scope="session")
async def temporal_server() -> AsyncIterator[EmbeddedServer]:
    """The server: in memory, on free ports, with our search attributes, started once and only when asked for."""
    async with EmbeddedServer(ServerOptions(config=(TIME_SKIPPING,))) as server:
        yield server


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> DirectoryBlobs:
    """The blob store that the run's clients and workers share, as a deployment's do."""
    return DirectoryBlobs(tmp_path_factory.mktemp("blobs"))


@pytest.fixture(scope="session")
async def temporal_client(temporal_server: EmbeddedServer, blobs: DirectoryBlobs) -> Client:
    """A client made as the worker's and the command line's are, with our converter and external storage."""
    return await connect(Target(temporal_server.address, temporal_server.namespace), blobs)


@pytest.fixture
def task_queue() -> str:
    """A task queue that no other test has: neither its workers nor its runs can meet another test's."""
    return f"test-{uuid.uuid4().hex[:12]}"
