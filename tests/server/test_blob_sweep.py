"""A sweep removes exactly what no open run reaches, and an open run goes on after it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.blob_runs import DAY_S, BlobRuns, agent_graph, blob_runs
from tests.support.runs import graph_of, tool
from worker.blob_users import forget_namespace, note_namespace
from worker.reachable import Reached
from worker.sweep import NotSwept, clear, sweep
from worker.sweeping import sweeping
from workflows.contracts.failures import FailureType

if TYPE_CHECKING:
    from pathlib import Path

    from worker.server import EmbeddedServer
    from worker.sweep import Swept

KEY = "ab" * 32
LARGE = "an input that history does not hold. " * 2000


@pytest.fixture(name="place")
async def make_place(temporal_server: EmbeddedServer, tmp_path: Path) -> BlobRuns:
    return await blob_runs(temporal_server, tmp_path)


async def swept(place: BlobRuns, **options: Any) -> Swept:
    return await sweep(place.store, place.client, time.time() - 30 * DAY_S, **{"dry_run": False, **options})


async def test_sweep_removes_exactly_what_no_open_run_reaches(place: BlobRuns) -> None:
    async with place.working("x") as runs:
        await place.store.record("approvals/default", KEY, b"decided")
        run = await runs.start(agent_graph(), {"say": "well", "pad": LARGE})
        pause = await run.pause()
        reached = await place.names() - await place.passing(run)
        assert len([name for name in reached if name.startswith("tenants/default/")]) >= 3
        async with place.working("y") as others:
            closed = await others.start(agent_graph(), {"say": "well", "pad": LARGE + "other"})
            await closed.answer("approve")
            assert (await closed.closed()).phase == "completed"
        unreached = await place.names() - reached
        assert {name.partition("/")[0] for name in unreached} == {"sha256", "tenants", "claims"}

        assert (await swept(place)).removed == []  # all is too young
        place.age(days=40)
        young = await place.store.put(b"young", "default")
        told = await swept(place, dry_run=True)
        assert set(told.removed) == unreached
        assert reached <= await place.names()
        done = await swept(place)
        assert set(done.removed) == unreached
        assert done.removed_bytes == told.removed_bytes > 0
        assert done.kept == {"an open run reaches it": len(reached) - 1, "a record": 1}
        assert await place.names() == reached | {f"tenants/default/sha256/{young[:2]}/{young[2:]}"}

        await run.answer("approve", pause=pause.id)
        assert (await run.closed()).output == {"text": "done"}


async def test_without_the_check_the_run_s_next_turn_fails(place: BlobRuns) -> None:
    async with place.working("x") as runs:
        run = await runs.start(agent_graph(), {"say": "well"})
        pause = await run.pause()
    place.age(days=40)
    old = [found async for found in place.store.listing()]
    await clear(place.store, old, Reached(), time.time(), dry_run=False)
    async with place.working("x"):
        await run.answer("approve", pause=pause.id)
        view = await run.until(lambda view: view.pauses and view.pauses[0].id != pause.id)
        told = view.pauses[0].error or {}
        assert told["type"] == FailureType.BLOB_LOST
        assert f"`detent blobs rebuild {run.handle.id}` restores" in told["message"]


async def test_nothing_is_removed_where_the_server_cannot_be_asked(place: BlobRuns) -> None:
    await place.store.put(b"x", "default")
    place.age(days=40)
    before = await place.names()
    await note_namespace(place.store, "gone")
    with pytest.raises(NotSwept, match=r"nothing was removed; .*`detent blobs sweep --forget NAMESPACE`"):
        await swept(place)
    assert before < await place.names()
    await forget_namespace(place.store, "gone")
    assert set((await swept(place)).removed) == before


async def test_open_runs_of_every_namespace_that_uses_the_store_are_asked(
    place: BlobRuns, temporal_server: EmbeddedServer, tmp_path: Path
) -> None:
    neighbour = await blob_runs(temporal_server, tmp_path)
    async with neighbour.working("z") as runs:
        run = await runs.start(agent_graph(), {"say": "well", "pad": LARGE})
        await run.pause()
        place.age(days=40)
        everything, passing = await place.names(), await place.passing(run)
        assert set((await swept(place, dry_run=True)).removed) == everything  # nobody said that there is another
        await note_namespace(place.store, neighbour.client.namespace)
        assert set((await swept(place)).removed) == passing < everything
        await run.handle.terminate()


async def test_a_run_that_has_just_gone_on_as_new_is_found_by_its_old_execution(place: BlobRuns) -> None:
    act = tool("note", "again", {"value": "${visit}"}, max_visits=100)
    rules = [{"when": "visit < 20", "to": "act"}, {"to": "end"}]
    graph = graph_of({"act": act, "again": {"kind": "plan", "max_visits": 100, "rules": rules}})
    parts = {"budgets": {"lifetime": {"steps": None, "tool_calls": None}}, "loop_guard": None}
    async with place.working("x", carry_after=60, **parts) as runs:
        run = await runs.start(graph, {"pad": LARGE})
        await run.closed()  # no list of open runs has its last execution, as for a moment after each carry
    last = await run.handle.describe()
    (given,) = (await place.client.get_workflow_handle(last.id, run_id=last.run_id).fetch_history()).events[:1]
    assert given.workflow_execution_started_event_attributes.continued_execution_run_id
    place.age(days=40)
    done = await swept(place, dry_run=True)
    assert done.kept["an open run reaches it"] >= 1
    assert done.open_runs == 0


async def test_what_is_lost_may_have_led_to_what_is_there(place: BlobRuns) -> None:
    async with place.working("x") as runs:
        run = await runs.start(agent_graph(), {"say": "well", "pad": LARGE})
        await run.pause()
        claims = {name for name in await place.names() if name.startswith("claims/")}
        other = await place.store.put(b"theirs", "other")
        unreached = await place.store.put(b"nobody's", "default")
        place.age(days=40)
        large = {name for name in await place.names() if name.startswith("sha256/")}
        (lost,) = large - await place.passing(run)
        assert await place.store.remove(lost, time.time())
        done = await swept(place)
        assert done.lost == ("default",)
        assert done.removed == [f"tenants/other/sha256/{other[:2]}/{other[2:]}"]
        assert claims | {f"tenants/default/sha256/{unreached[:2]}/{unreached[2:]}"} <= await place.names()
        await run.handle.terminate()


async def test_a_worker_sweeps_by_itself_where_a_retention_is_set(place: BlobRuns) -> None:
    await place.store.claim(KEY, "me")
    place.age(days=40)
    async with sweeping(place.client, place.store, round(30 * DAY_S * 1000), first_s=0), asyncio.timeout(10):
        while await place.names():  # noqa: ASYNC110 - a directory has no event
            await asyncio.sleep(0.02)
