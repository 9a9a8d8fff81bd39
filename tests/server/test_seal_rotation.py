"""Keys change while runs go on: two are live at a time, and histories replay under any and under none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from temporalio.worker import Replayer

from activities.seal import SealKeys
from tests.server.histories import events_of
from tests.support.runs import graph_of, human, policy_of, tool, working
from worker.sandbox import sandboxed, unsandboxed
from worker.sealing import Sealing
from workflows.registry import WORKFLOWS

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from temporalio.client import Client, WorkflowHistory

    from activities.blobs import DirectoryBlobs
    from tests.support.runs import Run, Runs

A, B, C = (bytes([byte]) * 32 for byte in (1, 2, 3))
FIRST, BOTH, SECOND = SealKeys(A), SealKeys(B, A), SealKeys(B)
FREE = {"steps": None, "tool_calls": None, "wall_clock": None}
STEPS = graph_of(
    {
        "one": tool("note", "ask", {"value": 1}),
        "ask": human("yes", to="two"),
        "two": tool("note", "again", {"value": 2}),
        "again": human("yes", to="three"),
        "three": tool("note", "end", {"value": 3}, on_failure="fail"),
    }
)


@dataclass(frozen=True)
class Deployment:
    """One queue and workspace, whose worker is stopped and started again with other keys."""

    client: Client
    blobs: DirectoryBlobs
    task_queue: str
    root: Path

    def worker(self, seals: SealKeys, carry_after: int | None = None) -> AbstractAsyncContextManager[Runs]:
        policy = policy_of(budgets={"lifetime": FREE})
        return working(
            self.client,
            self.blobs,
            self.task_queue,
            self.root,
            policy=policy,
            seals=seals,
            carry_after=carry_after,
        )


@pytest.fixture
def deployment(temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path) -> Deployment:
    return Deployment(temporal_client, blobs, task_queue, tmp_path)


async def test_a_run_goes_on_while_its_key_is_one_of_the_two(deployment: Deployment) -> None:
    async with deployment.worker(FIRST) as runs:
        run = await runs.start(STEPS)
        await run.pause()
    async with deployment.worker(BOTH) as runs:
        await run.answer("yes", pause="p1")
        await run.asked("p2")
        await run.answer("yes", pause="p2")
        assert (await run.closed()).phase == "completed"
    assert [effect["value"] for effect in runs.effects()] == [1, 2, 3]
    await replays(run)


async def test_a_run_whose_key_is_gone_does_nothing_more(deployment: Deployment) -> None:
    """Why a previous key stays until the runs that began under it have ended or were carried over."""
    async with deployment.worker(FIRST) as runs:
        run = await runs.start(STEPS)
        await run.pause()
    async with deployment.worker(BOTH) as runs:
        await run.answer("yes", pause="p1")
        await run.asked("p2")
    async with deployment.worker(SECOND) as runs:
        await run.answer("yes", pause="p2")
        assert (await run.failure()).type == "Unsealed"
    assert [effect["value"] for effect in runs.effects()] == [1, 2]
    await replays(run)


async def test_a_carried_run_has_the_new_key(deployment: Deployment) -> None:
    rules = [{"when": "visit < 10", "to": "act"}, {"to": "ask"}]
    nodes = {
        "begin": human("yes", to="act"),
        "act": tool("note", "again", {"value": "${visit}"}, max_visits=100),
        "again": {"kind": "plan", "max_visits": 100, "rules": rules},
        "ask": human("yes", to="last"),
        "last": tool("note", "end", {"value": "last"}),
    }
    async with deployment.worker(FIRST, carry_after=50) as runs:
        run = await runs.start(graph_of(nodes))
        await run.pause()
    async with deployment.worker(BOTH, carry_after=50) as runs:
        await run.answer("yes", pause="p1")
        await run.asked("p2")
    async with deployment.worker(SECOND, carry_after=50) as runs:
        await run.answer("yes", pause="p2")
        assert (await run.closed()).phase == "completed"
    assert [effect["value"] for effect in runs.effects()] == [*range(1, 11), "last"]
    assert len(await histories(run)) >= 2
    await replays(run)


async def test_a_carried_run_is_admitted_once_more(deployment: Deployment) -> None:
    """The first command of every history, at the price of one event."""
    rules = [{"when": "visit < 10", "to": "act"}, {"to": "end"}]
    nodes = {
        "act": tool("note", "again", {"value": "${visit}"}, max_visits=100),
        "again": {"kind": "plan", "max_visits": 100, "rules": rules},
    }
    async with deployment.worker(FIRST, carry_after=50) as runs:
        run = await runs.start(graph_of(nodes))
        await run.closed()
        markers = [one for one in await events_of(run) if one.HasField("marker_recorded_event_attributes")]
    assert len(markers) == len(await histories(run)) >= 2


async def histories(run: Run) -> list[WorkflowHistory]:
    """Every history of a run, oldest first."""
    found, next_id = [], (await run.handle.describe()).raw_description.workflow_execution_info.first_run_id
    while next_id:
        history = await run.client.get_workflow_handle(run.handle.id, run_id=next_id).fetch_history()
        found.append(history)
        next_id = history.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return found


async def replays(run: Run) -> None:
    """Replay under every set of keys, one that never was, and none: they all do what was recorded."""
    found = await histories(run)
    for keys in (FIRST, BOTH, SECOND, SealKeys(C), None):
        for runner in (sandboxed(), unsandboxed()):
            replayer = Replayer(
                workflows=list(WORKFLOWS),
                data_converter=run.client.data_converter,
                workflow_runner=runner,
                interceptors=[] if keys is None else [Sealing(keys)],
            )
            for history in found:
                await replayer.replay_workflow(history)
