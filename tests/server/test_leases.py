"""Tenant budgets on a real server: they hold over killed workers, and over runs that never say goodbye."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from temporalio.testing import TimeSkipper

from policies.budget import Amount
from tests.support.runs import Runs, graph_of, human, tool, working
from tests.support.tenants import KEYS, Tenant, ask
from tests.support.worker_process import WorkerProcess
from worker.broker import Broker
from worker.closed_runs import used_by
from worker.ledgers import ledger_worker
from workflows.contracts.leases import Found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from worker.server import EmbeddedServer

pytestmark = pytest.mark.server
LIMIT = 6_000
RUNS = 20
MODEL = {"provider": "scripted", "script": "replies.yaml", "journal": "served.jsonl"}
REPLY = {"default": True, "text": "so it is", "usage": {"input_tokens": 40, "output_tokens": 260}, "delay": "60ms"}
ASKS = graph_of(
    {
        f"ask{n}": {"kind": "model", "model": "default", "prompt": "And?", "max_tokens": 400, "next": to}
        for n, to in enumerate(("ask1", "ask2", "end"))
    }
)
ONE = graph_of({"act": tool("note", "end", {"value": 1})})


@pytest.fixture
def tenant(temporal_client: Client) -> Tenant:
    return Tenant(temporal_client)


@pytest.fixture
async def runs(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path, tenant: Tenant
) -> AsyncIterator[Runs]:
    """Runs of a tenant that may make five calls a day."""
    policy = tenant.policy({"tool_calls": 5, "steps": 100})
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=policy) as place:
        yield place


async def test_runs_over_killed_workers_are_never_served_more_than_their_tenants_budget(
    temporal_client: Client,
    temporal_server: EmbeddedServer,
    blobs: DirectoryBlobs,
    task_queue: str,
    tmp_path: Path,
    tenant: Tenant,
) -> None:
    policy = tenant.policy({"tokens": LIMIT})
    for name, data in (("policy", policy), ("models", {"models": {"default": MODEL}}), ("replies", [REPLY])):
        written = {"replies": data} if name == "replies" else data
        (tmp_path / f"{name}.yaml").write_text(json.dumps(written))
    where = (tmp_path, temporal_server.address, temporal_client.namespace, task_queue, blobs._root)
    one, two = WorkerProcess(*where), WorkerProcess(*where)
    place = Runs(temporal_client, task_queue, tmp_path)
    try:
        await asyncio.gather(one.start(), two.start())
        started = [await tenant.start(place, ASKS) for _ in range(RUNS)]
        for worker in (one, two):
            await asyncio.sleep(0.4)
            await worker.kill()
            await worker.start()
        views = await asyncio.gather(*(asyncio.wait_for(run.closed(), 60) for run in started))
        spent = await tenant.spent()
    finally:
        await asyncio.gather(one.stop(), two.stop())
    lines = (tmp_path / "served.jsonl").read_text().splitlines()
    served = sum(line["usage"]["tokens"] for line in map(json.loads, lines))
    assert LIMIT // 2 < served <= LIMIT
    assert served <= spent["tokens"] <= LIMIT
    errors = {view.error.type for view in views if view.error is not None}
    assert errors == {"BudgetExceeded"}


async def test_a_run_takes_one_lease_and_gives_it_back_which_is_two_events(runs: Runs, tenant: Tenant) -> None:
    run = await tenant.start(runs, ONE)
    view = await run.closed()
    assert view.phase == "completed"
    assert (await run.types()).count("MARKER_RECORDED") == 3  # the first is its admission
    assert await tenant.spent() == {"tokens": 0, "cost_nano": 0, "steps": 1, "wall_ms": 0, "tool_calls": 1}
    assert view.budget["tenant"].limit["tool_calls"] == 5
    assert view.budget["tenant"].used["tool_calls"] == 1
    assert view.budget["tenant"].leased["tool_calls"] == 0


async def test_what_the_tenant_has_used_up_is_denied_to_its_next_run(runs: Runs, tenant: Tenant) -> None:
    for _ in range(5):
        assert (await (await tenant.start(runs, ONE)).closed()).phase == "completed"
    view = await (await tenant.start(runs, ONE)).closed()
    assert view.error is not None
    assert view.error.type == "BudgetExceeded"
    assert "have used 5 of 5 tool_calls of this day" in view.error.message
    assert len(runs.effects("note")) == 5


async def test_a_run_that_waits_for_a_person_holds_nothing(runs: Runs, tenant: Tenant) -> None:
    graph = graph_of({"act": tool("note", "ask", {"value": 1}), "ask": human("go", to="more"), "more": ONE_MORE})
    run = await tenant.start(runs, graph)
    await run.pause()
    await run.until(lambda view: view.budget["tenant"].leased["tool_calls"] == 0)
    assert (await tenant.book())["leased"] == [0, 0, 0, 0, 0]
    await run.answer("go")
    assert (await run.closed()).phase == "completed"
    assert (await tenant.spent())["tool_calls"] == 2


ONE_MORE = tool("note", "end", {"value": 2})


async def test_a_carried_run_goes_on_under_a_lease_of_its_own(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path, tenant: Tenant
) -> None:
    nodes = {f"n{n}": tool("note", f"n{n + 1}" if n < 11 else "end", {"value": n}) for n in range(12)}
    policy = tenant.policy({"tool_calls": 100})
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=policy, carry_after=50) as runs:
        view = await (await tenant.start(runs, graph_of(nodes))).closed()
        assert view.phase == "completed"
        holders = (await tenant.book())["holders"]
        assert len(holders) > 1
        assert [one["lease"] for one in holders.values()] == [None] * len(holders)
        assert (await tenant.spent())["tool_calls"] == 12


async def test_no_call_starts_while_the_ledger_is_away_and_the_run_says_so(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path, tenant: Tenant
) -> None:
    policy = tenant.policy({"tool_calls": 5})
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=policy, ledgers=False) as runs:
        waiting, cancelled = await tenant.start(runs, ONE), await tenant.start(runs, ONE)
        view = await waiting.until(lambda view: view.warnings)
        assert "calls wait for a share of the tenant's budget: the ledger of tenant" in view.warnings[-1]
        assert runs.effects() == []
        await cancelled.handle.cancel()
        assert (await cancelled.closed()).phase == "cancelled"
        async with ledger_worker(temporal_client, KEYS):
            assert (await waiting.closed()).phase == "completed"


async def test_an_expired_lease_is_spent_until_its_closed_run_was_read(runs: Runs, tenant: Tenant) -> None:
    graph = graph_of({"act": tool("note", "ask", {"value": 1}), "ask": human("go", to="end")})
    run = await tenant.start(runs, graph)
    await run.pause()
    run_id = str(run.handle.result_run_id)
    await run.handle.terminate("nobody will go on")
    await tenant.send(ask(run.handle.id, run_id=run_id, fence=9, tokens=900, ms=1))
    await asyncio.sleep(0.01)
    alone = await tenant.send(ask("x/g/1", tokens=300))
    assert "have used 900 of 1000 tokens of this day" in alone["replies"][0]["refused"]
    found = await used_by(runs.client, run.handle.id, run_id)
    assert found == Amount(steps=2, tool_calls=1)
    told = {**alone["doubts"][0], "kind": "found", "used": {"steps": 2, "tool_calls": 1}}
    await tenant.send(Found.model_validate(told))
    assert (await tenant.spent())["tokens"] == 0


async def test_the_worker_looks_by_itself_and_asks_again(runs: Runs, tenant: Tenant) -> None:
    run = await tenant.start(runs, ONE)
    await run.closed()
    run_id = str(run.handle.result_run_id)
    await tenant.send(ask(run.handle.id, run_id=run_id, fence=9, tokens=900, ms=1))
    await asyncio.sleep(0.01)
    reply = await Broker(runs.client, KEYS).tell(tenant.name, ask("x/g/1", tokens=300))
    assert (reply.refused, reply.granted.tokens) == (None, 300)


async def test_an_expired_lease_of_an_open_run_stays_counted(runs: Runs, tenant: Tenant) -> None:
    run = await tenant.start(runs, graph_of({"ask": human("go", to="end")}))
    await run.pause()
    run_id = str(run.handle.result_run_id)
    await tenant.send(ask(run.handle.id, run_id=run_id, fence=9, tokens=900, ms=1))
    await asyncio.sleep(0.01)
    reply = await Broker(runs.client, KEYS).tell(tenant.name, ask("x/g/1", tokens=300))
    assert reply.refused is not None
    assert (await tenant.spent())["tokens"] == 900


async def test_a_new_window_begins_empty(temporal_client: Client, tenant: Tenant) -> None:
    async with ledger_worker(temporal_client, KEYS):
        await tenant.send(ask("x/g/1", tokens=1000, ms=1, minute=1000))
        await asyncio.sleep(0.01)
        assert "of this minute" in (await tenant.send(ask("x/g/2", tokens=1, minute=1000)))["replies"][0]["refused"]
        handle = temporal_client.get_workflow_handle(tenant.ledger)
        await TimeSkipper(temporal_client).fast_forward(handle, timedelta(seconds=61))
        later = await tenant.send(ask("x/g/2", fence=2, tokens=1000, ms=200_000, minute=1000), ahead_ms=61_000)
        assert later["replies"][0]["refused"] is None


async def test_a_long_ledger_goes_on_in_a_new_history_with_its_book(temporal_client: Client, tenant: Tenant) -> None:
    async with ledger_worker(temporal_client, KEYS):
        broker = Broker(temporal_client, KEYS)
        await broker.tell(tenant.name, ask("x/g/1", tokens=500))
        first = (await temporal_client.get_workflow_handle(tenant.ledger).describe()).run_id
        for fence in range(1, 230):
            await broker.tell(tenant.name, ask("x/g/2", fence=fence, tokens=1))
        described = await temporal_client.get_workflow_handle(tenant.ledger).describe()
        assert described.run_id != first
        assert described.history_length < 1000
        assert await tenant.leased() == 501


async def test_many_messages_of_a_worker_are_one_update(temporal_client: Client, tenant: Tenant) -> None:
    async with ledger_worker(temporal_client, KEYS):
        broker = Broker(temporal_client, KEYS)
        told = await asyncio.gather(*(broker.tell(tenant.name, ask(f"x/g/{n}", tokens=10)) for n in range(50)))
        assert {reply.granted.tokens for reply in told} == {10}
        events = [event async for event in temporal_client.get_workflow_handle(tenant.ledger).fetch_history_events()]
        updates = [event for event in events if event.HasField("workflow_execution_update_accepted_event_attributes")]
        assert len(updates) == 1
        assert await tenant.leased() == 500
