"""Runs that people hold, lift, cancel or terminate."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, CancelledError

from tests.support.runs import Runs, graph_of, human, tool, working
from workflows.contracts.names import MEMO_RESULT
from workflows.contracts.run import RunView

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from tests.support.runs import Run

CHAIN = graph_of(
    {"ask": human("yes", to="one"), "one": tool("note", "two", {"value": 1}), "two": tool("note", "end", {"value": 2})}
)


async def status(run: Run) -> WorkflowExecutionStatus | None:
    return (await run.handle.describe()).status


async def test_a_cancelled_run_keeps_its_view_in_the_memo(runs: Runs) -> None:
    run = await runs.start(CHAIN)
    await run.pause()
    await run.handle.cancel()
    view = await run.closed()
    assert await status(run) is WorkflowExecutionStatus.CANCELED
    assert (view.phase, view.pauses) == ("cancelled", ())
    assert view.error is not None
    assert view.error.type == "Cancelled"
    assert [(node.node, node.status) for node in view.nodes] == [("ask", "cancelled")]
    memo = RunView.model_validate((await (await run.handle.describe()).memo())[MEMO_RESULT])
    assert memo == view
    with pytest.raises(WorkflowFailureError) as caught:
        await run.handle.result()
    assert isinstance(caught.value.cause, CancelledError)


async def test_a_run_cancelled_before_any_worker_saw_it_is_cancelled(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    run = await Runs(temporal_client, task_queue, tmp_path).start(CHAIN)
    await run.handle.cancel()
    async with working(temporal_client, blobs, task_queue, tmp_path):
        view = await run.closed()
    assert view.phase == "cancelled"
    assert await status(run) is WorkflowExecutionStatus.CANCELED


async def test_a_cancel_gives_up_reading_at_once(runs: Runs) -> None:
    run = await runs.start(graph_of({"look": tool("gaze", "end", {"seconds": 20})}))
    await runs.effect("gaze")
    await run.handle.cancel()
    async with asyncio.timeout(5):
        view = await run.closed()
    assert [node.status for node in view.nodes] == ["cancelled"]


@pytest.mark.parametrize("name", ["until", "pay"])
async def test_a_cancel_lets_an_effect_run_to_its_end(runs: Runs, name: str) -> None:
    given = {"file": "go"} if name == "until" else {"usd": 1, "seconds": 0.5}
    run = await runs.start(graph_of({"act": tool(name, "more", given), "more": tool("note", "end")}))
    await runs.effect(name)
    await run.handle.cancel()
    await asyncio.sleep(0.2)
    assert await status(run) is WorkflowExecutionStatus.RUNNING
    (runs.workspace / "go").touch()
    view = await run.closed()
    assert view.phase == "cancelled"
    assert view.usage.tool_calls == 1
    assert runs.effects("note") == []


async def test_a_cancelled_run_takes_no_more_answers(runs: Runs) -> None:
    nodes = {
        "split": {"kind": "plan", "rules": [{"fork": {"branches": ["ask", "act"], "join": "done"}}]},
        "ask": human("yes", to="done"),
        "act": {"kind": "tool", "tool": "until", "with": {"file": "go"}},
        "done": tool("note", "end"),
    }
    run = await runs.start(graph_of(nodes))
    await run.pause()
    await runs.effect("until")
    await run.handle.cancel()
    await run.until(lambda view: not view.pauses)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await run.answer("yes", pause="p1")
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.message == "the run is ending"
    (runs.workspace / "go").touch()
    assert (await run.closed()).phase == "cancelled"


async def test_a_held_run_starts_no_call_until_it_is_resumed(runs: Runs) -> None:
    run = await runs.start(CHAIN)
    await run.pause()
    assert await run.handle.execute_update("pause", {"by": "op", "reason": "lunch"}) == "paused"
    await run.answer("yes")
    await asyncio.sleep(0.3)
    assert (await run.view()).phase == "paused"
    assert runs.effects() == []
    assert await run.handle.execute_update("resume", {"by": "op"}) == "running"
    assert (await run.closed()).phase == "completed"
    assert [effect["value"] for effect in runs.effects()] == [1, 2]


async def test_a_hold_lets_a_call_in_flight_end(runs: Runs) -> None:
    nodes = {"act": tool("until", "more", {"file": "go"}), "more": tool("note", "end")}
    run = await runs.start(graph_of(nodes))
    await runs.effect("until")
    await run.handle.execute_update("pause", {})
    (runs.workspace / "go").touch()
    held = await run.until(lambda view: any(node.status == "ok" for node in view.nodes))
    assert held.phase == "paused"
    assert runs.effects("note") == []
    await run.handle.execute_update("resume", {})
    assert (await run.closed()).phase == "completed"


async def test_resume_does_not_answer_a_pause(runs: Runs) -> None:
    run = await runs.start(CHAIN)
    await run.pause()
    assert await run.handle.execute_update("resume", {}) == "waiting"
    assert len(await run.pauses()) == 1
    assert runs.effects() == []


async def test_a_held_run_can_be_cancelled(runs: Runs) -> None:
    run = await runs.start(CHAIN)
    await run.pause()
    await run.handle.execute_update("pause", {})
    await run.handle.cancel()
    assert (await run.closed()).phase == "cancelled"


@pytest.mark.parametrize("sent", [{"who": "me"}, {"v": 2}, "now", [1], {"by": ""}, {"reason": "x" * 3000}])
async def test_a_malformed_control_is_refused(runs: Runs, sent: object) -> None:
    run = await runs.start(CHAIN)
    await run.pause()
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await run.handle.execute_update("pause", sent)
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "InvalidAnswer"
    assert (await run.view()).phase == "waiting"


async def test_a_terminated_run_is_shown_as_aborted(runs: Runs) -> None:
    run = await runs.start(CHAIN)
    await run.pause()
    await run.handle.terminate(reason="by the operator")
    view = await run.closed()
    assert (view.phase, view.graph, view.tenant) == ("aborted", "g", "default")
    assert view.error is not None
    assert (view.error.type, view.error.message) == ("Terminated", "by the operator")
