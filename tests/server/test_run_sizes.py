"""`detent show` tells how much a run takes, over all its executions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cli.run_sizes import with_sizes
from tests.server.blob_runs import BlobRuns, agent_graph, blob_runs
from tests.support.command_line import CommandLine, environ
from tests.support.runs import graph_of, tool
from worker.reachable import executions

if TYPE_CHECKING:
    from pathlib import Path

    from worker.server import EmbeddedServer

LARGE = "an input that history does not hold. " * 2000


@pytest.fixture(name="place")
async def make_place(temporal_server: EmbeddedServer, tmp_path: Path) -> BlobRuns:
    return await blob_runs(temporal_server, tmp_path)


async def test_a_run_s_size_is_that_of_its_histories_and_all_that_they_reach(place: BlobRuns, tmp_path: Path) -> None:
    async with place.working("x") as runs:
        run = await runs.start(agent_graph(), {"say": "well", "pad": LARGE})
        pause = await run.pause()
        await run.answer("approve", pause=pause.id)
        await run.closed()
        passing = await place.passing(run)
        kept = [found async for found in place.store.listing() if not found.name.startswith(("claims/", "namespaces/"))]
        kept = [found for found in kept if found.name not in passing]
        address = place.client.service_client.config.target_host
        here = {"TEMPORAL_NAMESPACE": place.client.namespace, "DETENT_BLOBS": str(place.store._root)}
        shell = CommandLine({**environ(address, "unused", tmp_path), **here}, tmp_path)
        shown = await asyncio.to_thread(shell.json, "show", run.handle.id)
        history = await run.handle.fetch_history()
        assert shown["history"]["events"] == len(history.events)
        assert shown["history"]["runs"] == 1
        assert 0 < shown["history"]["bytes"] < 40_000
        assert shown["blobs"] == {"count": len(kept), "bytes": sum(one.size_bytes for one in kept), "missing": 0}
        told = await asyncio.to_thread(shell, "show", run.handle.id)
        assert f"history  {len(history.events)} events, " in told.stdout
        assert f"blobs    {len(kept)}, " in told.stdout
        (place.store._root / next(found.name for found in kept if found.name.startswith("tenants/"))).unlink()
        assert (await asyncio.to_thread(shell.json, "show", run.handle.id))["blobs"]["missing"] == 1
        missing = await asyncio.to_thread(shell, "show", run.handle.id)
        assert "; 1 are missing" in missing.stdout


async def test_every_execution_counts(place: BlobRuns) -> None:
    act = tool("note", "again", {"value": "${visit}"}, max_visits=100)
    rules = [{"when": "visit < 20", "to": "act"}, {"to": "end"}]
    graph = graph_of({"act": act, "again": {"kind": "plan", "max_visits": 100, "rules": rules}})
    limits = {"steps": None, "tool_calls": None}
    parts = {"budgets": {"lifetime": limits}, "loop_guard": None}
    async with place.working("x", carry_after=60, **parts) as runs:
        run = await runs.start(graph, {"pad": LARGE})
        view = await run.closed()
        described = await run.handle.describe()
        found, why = await with_sizes(place.client, place.store, view, described.run_id or "")
        events = 0
        async for _, history in executions(place.client, view.id, described.run_id or ""):
            events += len(history.events)
        assert why is None
        assert found.history.runs >= 2
        assert found.history.events == events
        assert found.blobs is not None
        assert found.blobs.count >= 1
