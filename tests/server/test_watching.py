"""Watching a run: what models say is seen while they say it, by attempt, and nothing of it is in the history."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from cli.changes import Change
from cli.cluster import Cluster
from cli.watching import watching
from tests.support.runs import graph_of, human, policy_of, tool, working
from workflows.contracts.run import RunView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from cli.watching import Seen
    from tests.support.runs import Run, Runs

pytestmark = pytest.mark.server
CANARY = "canary-of-a-lost-attempt"
SCRIPT = f"""
replies:
  - {{when: "prompt == 'lost'", text: "{CANARY * 4} and more of it", delay: 1200ms, cut: true, times: 1}}
  - {{default: true, text: "this time it is said to the end", delay: 800ms}}
"""


async def watch(runs: Runs, run: Run) -> list[Seen]:
    """All that a viewer sees of a run until it closes."""
    cluster = Cluster(runs.client, runs.task_queue, "")
    async with asyncio.timeout(20), aclosing(watching(cluster, run.handle.id)) as sights:
        return [seen async for seen in sights]


async def written(run: Run) -> list[bytes]:
    """The run's history, byte for byte."""
    return [event.SerializeToString(deterministic=True) for event in (await run.handle.fetch_history()).events]


def changes(sights: list[Seen], kind: str) -> list[Change]:
    return [seen for seen in sights if isinstance(seen, Change) and seen.kind == kind]


@pytest.fixture
async def speaking(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> AsyncIterator[Runs]:
    """Runs whose model takes its time."""
    async with working(temporal_client, blobs, task_queue, tmp_path, script=SCRIPT) as runs:
        yield runs


async def test_text_of_a_lost_attempt_is_seen_and_never_in_the_history(speaking: Runs) -> None:
    nodes = {"think": {"kind": "model", "model": "default", "prompt": "lost", "next": "end"}}
    run = await speaking.start(graph_of(nodes))
    sights = await watch(speaking, run)
    said = changes(sights, "text")
    assert any(CANARY in (change.text or "") for change in said)
    calls = list(dict.fromkeys(change.id for change in said))
    assert calls == ["think#1:1", "think#1:2"]
    assert not any(CANARY in (change.text or "") for change in said if change.id == "think#1:2")
    results = [(change.id, change.status, change.text) for change in changes(sights, "result")]
    assert [status for _, status, _ in results] == ["failed", "ok"]
    assert results[1] == ("think#1:2", "ok", "this time it is said to the end")
    history = await run.handle.fetch_history()
    assert CANARY not in history.to_json()
    assert b64encode(CANARY.encode()).decode()[:24] not in history.to_json()
    assert not any(CANARY.encode() in event.SerializeToString() for event in history.events)


async def test_twelve_viewers_add_no_byte_to_the_history(speaking: Runs) -> None:
    nodes = {
        "think": {"kind": "model", "model": "default", "prompt": "hi", "next": "ask"},
        "ask": human("yes", to="end"),
    }
    run = await speaking.start(graph_of(nodes))
    await run.pause()
    await asyncio.sleep(0.5)  # a query may be answered before the task that it came with is written down
    before = await written(run)
    watchers = [asyncio.create_task(watch(speaking, run)) for _ in range(12)]
    await asyncio.sleep(2)
    assert not any(watcher.done() for watcher in watchers)
    assert await written(run) == before
    await run.answer("yes")
    await run.closed()
    for sights in await asyncio.gather(*watchers):
        assert any(isinstance(seen, RunView) and seen.phase == "waiting" for seen in sights)


async def test_calls_denials_pauses_and_costs_are_seen_without_a_worker(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    nodes = {
        "first": tool("note", "second", {"value": "a b"}),
        "second": tool("pay", "third", {"usd": 1}, on_failure={"to": "third"}),
        "third": tool("risky", "end", {"value": 1}),
    }
    policy = policy_of(deny=[{"tool": ["pay"]}])
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=policy) as runs:
        run = await runs.start(graph_of(nodes))
        await run.pause()
    cluster = Cluster(runs.client, runs.task_queue, "")
    sights: list[Seen] = []
    async with asyncio.timeout(20), aclosing(watching(cluster, run.handle.id)) as seen:
        async for sight in seen:
            sights.append(sight)
            if isinstance(sight, RunView) and sight.pauses:
                break
    (denied,) = changes(sights, "denied")
    assert (denied.call, denied.rules) == ("pay", ("capability.denied",))
    (called,) = changes(sights, "call")
    assert (called.id, called.text) == ("first#1:1", 'value="a b"')
    (result,) = changes(sights, "result")
    assert (result.status, result.text) == ("ok", '{"value": "a b"}')
    view = sights[-1]
    assert isinstance(view, RunView)
    assert [pause.id for pause in view.pauses] == ["p1"]
    assert (view.phase, view.usage.tool_calls) == ("waiting", 1)
    await run.handle.terminate()


async def test_a_run_is_followed_into_its_next_history(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    nodes = {
        "nap": {"kind": "wait", "for": "1ms", "writes": {"n": 1}, "next": "more"},
        "more": {"kind": "plan", "rules": [{"when": "state.n < 30", "to": "nap"}, {"to": "last"}]},
        "last": tool("note", "end", {"value": 7}),
    }
    graph = graph_of(nodes, state={"n": {"reducer": "add"}}, defaults={"max_visits": 40})
    async with working(temporal_client, blobs, task_queue, tmp_path, carry_after=50) as runs:
        run = await runs.start(graph)
        sights = await watch(runs, run)
        last = await runs.client.get_workflow_handle(run.handle.id).describe()
        assert last.run_id != run.handle.first_execution_run_id
    assert [change.text for change in changes(sights, "result")] == ['{"value": 7}']
