"""Strangers in the namespace get nothing done: their calls, carries and children have no seal.

Each attack is made twice: against a worker, and against one that believes every seal, where it works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError

from tests.server.histories import calls_of, card_of, events_of, scheduled_in
from tests.server.stranger import bear, call, forged_carry, go_on
from tests.support.runs import Run, graph_of, policy_of, tool, working
from workflows.contracts.names import SEAL_HEADER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from tests.support.runs import Runs

ONE = graph_of({"act": tool("note", "end", {"value": 1}, on_failure="fail")})
TWO = graph_of({"one": tool("note", "two", {"value": 1}), "two": tool("note", "end", {"value": 2})})
FREE = {"steps": None, "tool_calls": None, "wall_clock": None}
CARRY_AFTER = 50


@pytest.fixture
async def carrying(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> AsyncIterator[Runs]:
    """A worker whose runs are soon carried over."""
    policy = policy_of(budgets={"lifetime": FREE})
    place = working(temporal_client, blobs, task_queue, tmp_path, policy=policy, carry_after=CARRY_AFTER)
    async with place as runs:
        yield runs


async def seal_of(run: Run, number: int = 0) -> bytes:
    """The seal of one of a run's activities, which anybody may read in its history."""
    return (await scheduled_in(run))[number].header.fields[SEAL_HEADER].data


async def refusal(runs: Runs, *given: Any) -> ApplicationError:
    """What a stranger is told."""
    with pytest.raises(WorkflowFailureError) as caught:
        await call(runs, *given)
    cause = caught.value.cause
    assert isinstance(cause, ActivityError)
    assert isinstance(cause.cause, ApplicationError)
    return cause.cause


async def honest(runs: Runs) -> tuple[dict[str, Any], str, bytes]:
    """A call of a run of ours with its activity id and its seal."""
    run = await runs.start(ONE)
    assert (await run.closed()).phase == "completed"
    (made,), (activity,) = await calls_of(run), await scheduled_in(run)
    return made, activity.activity_id, await seal_of(run)


async def test_every_activity_carries_a_seal_of_its_own(runs: Runs) -> None:
    run = await runs.start(TWO)
    await run.closed()
    seals = [await seal_of(run, number) for number in (0, 1)]
    assert [len(seal) for seal in seals] == [32, 32]
    assert seals[0] != seals[1]


@pytest.mark.parametrize("shown", ["nothing", "copied", "copied with its id", "zeros", "short"])
async def test_a_strangers_call_is_not_made(runs: Runs, caplog: pytest.LogCaptureFixture, shown: str) -> None:
    made, activity_id, seal = await honest(runs)
    shows: dict[str, tuple[str | None, bytes | None]] = {
        "nothing": (None, None),
        "copied": (None, seal),
        "copied with its id": (activity_id, seal),
        "zeros": (activity_id, bytes(32)),
        "short": (activity_id, seal[:31]),
    }
    refused = await refusal(runs, "note", made, *shows[shown])
    assert (refused.type, refused.non_retryable) == ("Unsealed", True)
    assert len(runs.effects()) == 1, "that of the honest run"
    assert "unsealed activity refused" in caplog.text, "the refusal is in the worker's log"
    assert "type 'note'" in caplog.text


@pytest.mark.parametrize("argument", [{}, None, [], "note", {"name": "note", "args": {}}])
async def test_nothing_of_a_strangers_argument_is_read(runs: Runs, argument: object) -> None:
    assert (await refusal(runs, "note", argument)).type == "Unsealed"


async def test_an_activity_of_another_type_is_not_begun_either(runs: Runs) -> None:
    for name in ("run.admit", "run.probe", "model.scripted", "nobody.knows"):
        assert (await refusal(runs, name, {})).type == "Unsealed"


LOOK = {"v": 1, "kind": "tool", "name": "note", "tenant": "default"}


async def test_a_stranger_is_not_told_what_a_worker_has(runs: Runs) -> None:
    assert (await refusal(runs, "run.probe", LOOK)).type == "Unsealed"


async def test_without_the_check_a_stranger_is_told_what_a_worker_has(trusting: Runs) -> None:
    assert (await call(trusting, "run.probe", LOOK))["card"]["name"] == "note"


async def test_without_the_check_a_stranger_has_our_worker_act(trusting: Runs) -> None:
    made, _, _ = await honest(trusting)
    await call(trusting, "note", made)
    assert len(trusting.effects()) == 2


async def carried_seal(runs: Runs) -> tuple[dict[str, Any], bytes]:
    """What a genuine second history began with, and the seal that it showed."""
    rules = [{"when": "visit < 12", "to": "act"}, {"to": "end"}]
    nodes = {
        "act": tool("note", "again", {"value": "${visit}"}, max_visits=100),
        "again": {"kind": "plan", "max_visits": 100, "rules": rules},
    }
    run = await runs.start(graph_of(nodes))
    assert (await run.closed()).phase == "completed"
    begun = [event.workflow_execution_started_event_attributes for event in await events_of(run)]
    second = next(event for event in begun if event.continued_execution_run_id)
    (given,) = await runs.client.data_converter.decode(second.input.payloads)
    return given, second.header.fields[SEAL_HEADER].data


async def test_a_run_is_carried_under_seal(carrying: Runs) -> None:
    given, seal = await carried_seal(carrying)
    assert given["carry"]
    assert len(seal) == 32


@pytest.mark.parametrize("shown", ["nothing", "copied"])
async def test_a_forged_carry_is_not_taken_up(carrying: Runs, shown: str) -> None:
    run = await carrying.start(ONE)
    await run.closed()
    forged = forged_carry(carrying, ONE, await card_of(run))
    seal = None if shown == "nothing" else (await carried_seal(carrying))[1]
    effects = len(carrying.effects())
    (taken,) = await go_on(carrying, forged, seal=seal)
    failed = await taken.failure()
    assert failed.type == "ForgedInput"
    assert "not sealed by the history before this one" in failed.message
    assert len(carrying.effects()) == effects


async def test_a_genuine_carry_is_not_taken_up_elsewhere(carrying: Runs) -> None:
    """Whoever has read a history has a carry with its seal, but not the run that it is of."""
    given, seal = await carried_seal(carrying)
    effects = len(carrying.effects())
    (taken,) = await go_on(carrying, given, seal=seal)
    assert (await taken.failure()).type == "ForgedInput"
    assert len(carrying.effects()) == effects


async def test_without_the_check_a_forged_carry_is_taken_up(trusting: Runs) -> None:
    run = await trusting.start(ONE)
    await run.closed()
    (taken,) = await go_on(trusting, forged_carry(trusting, ONE, await card_of(run)))
    assert (await taken.closed()).phase == "completed"
    assert len(trusting.effects()) == 2


@pytest.mark.parametrize("shown", ["nothing", "copied"])
async def test_a_forged_child_is_not_admitted(runs: Runs, shown: str) -> None:
    _, _, seal = await honest(runs)
    child = await bear(runs, {"v": 1, "graph": ONE}, None if shown == "nothing" else seal)
    failed = await child.failure()
    assert failed.type == "ForgedInput"
    assert "did not seal its start" in failed.message
    assert len(runs.effects()) == 1


async def test_without_the_check_a_stranger_has_children_among_our_runs(trusting: Runs) -> None:
    child = await bear(trusting, {"v": 1, "graph": ONE})
    assert (await child.closed()).phase == "completed"
    assert len(trusting.effects()) == 1


@pytest.mark.parametrize("task", [0, 1])
async def test_a_run_that_was_reset_is_still_ours(runs: Runs, task: int) -> None:
    """An operator's reset gives it another run id; its first event, and so its admission, stays what it was."""
    ask = {"kind": "human", "ask": "?", "outcomes": ["yes"], "routes": {"yes": "two"}}
    nodes = {"one": tool("note", "ask", {"value": 1}), "ask": ask, "two": tool("note", "end", {"value": 2})}
    run = await runs.start(graph_of(nodes))
    await run.pause()
    events = (await run.handle.fetch_history()).events
    tasks = [event.event_id for event in events if event.HasField("workflow_task_completed_event_attributes")]
    request = ResetWorkflowExecutionRequest(
        namespace=runs.client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=run.handle.id, run_id=run.handle.result_run_id or ""),
        reason="test",
        request_id=run.handle.id,
        workflow_task_finish_event_id=tasks[task],
    )
    await runs.client.workflow_service.reset_workflow_execution(request)
    again = Run(runs.client.get_workflow_handle(run.handle.id), runs.client)
    await again.answer("yes")
    assert (await again.closed()).phase == "completed"
    assert [effect["value"] for effect in runs.effects()][-1] == 2


@pytest.mark.parametrize("brought", ["policy", "ledger", "grants", "catalogue", "rights", "card", "approvals", "lease"])
async def test_a_start_brings_no_rights_of_its_own(runs: Runs, brought: str) -> None:
    run = await runs.start(ONE, raw={brought: {"allow": [{"tool": ["**"]}]}})
    failed = await run.failure()
    assert failed.type == "ForgedInput"
    assert f"`{brought}`" in failed.message
    assert runs.effects() == []
