"""The embedded server: ready when it says so, ours, and gone when we are."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from temporalio.api.operatorservice.v1 import RemoveSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from tests.support.processes import alive
from worker.namespace import RETENTION, missing_search_attributes, prepare_namespace
from worker.sdk_runtime import sdk_runtime
from worker.server import EmbeddedServer
from worker.start_line import ServerError, ServerOptions, free_port

if TYPE_CHECKING:
    from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parents[2]


async def client_of(server: EmbeddedServer) -> Client:
    return await Client.connect(server.address, namespace=server.namespace, runtime=sdk_runtime())


async def described(client: Client) -> DescribeNamespaceResponse:
    return await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))


async def test_it_keeps_closed_runs_and_knows_our_search_attributes(temporal_server: EmbeddedServer) -> None:
    client = await client_of(temporal_server)
    assert (await described(client)).config.workflow_execution_retention_ttl.ToTimedelta() == RETENTION
    assert await missing_search_attributes(client) == ()


async def test_it_leaves_no_process_and_no_file_behind() -> None:
    async with EmbeddedServer() as server:
        pid, log = server.pid, server._log
        assert alive(pid)
        assert log is not None
        assert log.exists()
    assert not alive(pid)
    assert not log.parent.exists()


async def test_it_adds_search_attributes_to_an_old_database(tmp_path: Path) -> None:
    options = ServerOptions(db=tmp_path / "sub" / "runs.db")
    async with EmbeddedServer(options) as server:
        client = await client_of(server)
        request = RemoveSearchAttributesRequest(namespace="default", search_attributes=["DetentGraph"])
        await client.operator_service.remove_search_attributes(request)
        assert await missing_search_attributes(client) == (("DetentGraph", "Keyword"),)
    async with EmbeddedServer(options) as server:
        assert await missing_search_attributes(await client_of(server)) == ()


async def test_it_can_prepare_a_namespace_twice(temporal_server: EmbeddedServer) -> None:
    client = await client_of(temporal_server)
    await prepare_namespace(client)
    await prepare_namespace(client)


async def test_it_serves_the_namespace_that_was_asked_for() -> None:
    async with EmbeddedServer(ServerOptions(namespace="team-a")) as server:
        ttl = (await described(await client_of(server))).config.workflow_execution_retention_ttl.ToTimedelta()
        assert ttl > timedelta(days=3000)


async def test_it_does_not_take_another_server_for_its_own(temporal_server: EmbeddedServer) -> None:
    port = int(temporal_server.address.rpartition(":")[2])
    with pytest.raises(ServerError, match=f"port `{port}` is in use: stop what runs there"):
        await EmbeddedServer(ServerOptions(port=port)).start()


async def test_it_tries_other_ports_when_a_free_one_was_taken_meanwhile(
    temporal_server: EmbeddedServer,
) -> None:
    taken = int(temporal_server.address.rpartition(":")[2])
    ports = iter([taken, taken])
    async with EmbeddedServer(pick_port=lambda: next(ports, None) or free_port()) as server:
        assert server.address != temporal_server.address


async def test_it_says_why_it_did_not_start(tmp_path: Path) -> None:
    broken = tmp_path / "runs.db"
    broken.write_text("this is not a database, whatever its name says" * 100, encoding="utf-8")
    with pytest.raises(ServerError, match=r"runs\.db` cannot be opened as the server's database; name another"):
        await EmbeddedServer(ServerOptions(db=broken)).start()


async def test_it_is_stopped_when_the_start_is_interrupted() -> None:
    server = EmbeddedServer()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(server.start(), 0.05)
    assert server.pid
    assert not alive(server.pid)


PARENT = """
import asyncio, sys
from worker.server import EmbeddedServer

async def main():
    async with EmbeddedServer() as server:
        print(server.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ties a child's life to its parent's")
def test_it_ends_with_a_parent_that_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)


def test_it_writes_nothing_to_stdout() -> None:
    program = PARENT.replace("print(server.pid, flush=True)", "pass").replace("sleep(60)", "sleep(0)")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert done.stdout == b""
