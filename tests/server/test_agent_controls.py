"""People who steer an agent or give up one of its calls, on the real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.support.runs import graph_of, policy_of, working
from tests.support.signers import public_key, signed_control

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from tests.support.runs import Run, Runs

pytestmark = pytest.mark.server
SCRIPT = """
replies:
  - {when: "turn == 0 && prompt == 'wait'", tool_calls: [{name: until, args: {file: go}}]}
  - {when: "turn == 0 && prompt == 'look'", tool_calls: [{name: gaze, args: {seconds: 20}}]}
  - {when: "prompt.contains('shorter')", text: heard}
  - {when: "last_tool.text.contains('skipped')", text: gave up}
  - {default: true, text: not heard}
"""
SECRET = "ghp_" + "a" * 36


def agent(prompt: str) -> dict[str, Any]:
    tools = ["until", "gaze"]
    work = {"kind": "agent", "model": "default", "prompt": prompt, "tools": tools, "next": "end"}
    return graph_of({"work": {**work, "writes": {"said": "${result.text}"}}}, state={"said": {}})


@pytest.fixture(name="open_runs")
async def make_open_runs(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> AsyncIterator[Runs]:
    """Where anybody may steer."""
    policy = policy_of(controls={"steer": "any", "cancel_call": "any"})
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=policy, script=SCRIPT) as found:
        yield found


@pytest.fixture(name="strict_runs")
async def make_strict_runs(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> AsyncIterator[Runs]:
    """Where operators sign."""
    people = [
        {"id": who, "roles": [role], "public_key": public_key(who)}
        for who, role in (("ada", "operator"), ("eve", "guest"))
    ]
    policy = policy_of(answerers={"require_signature": True, "people": people})
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=policy, script=SCRIPT) as found:
        yield found


async def signed(run: Run, action: str, by: str = "ada", **fields: object) -> dict[str, object]:
    now = datetime.now(UTC)
    times = {"issued_at": now.isoformat(), "expires_at": (now + timedelta(hours=1)).isoformat()}
    told = (await run.handle.describe()).raw_description.workflow_execution_info
    where = {"namespace": run.client.namespace, "workflow_id": run.handle.id, "first_run_id": told.first_run_id}
    return signed_control({"by": by, **times, **fields}, by, action=action, **where)


async def refusal(run: Run, name: str, sent: object) -> ApplicationError:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await run.handle.execute_update(name, sent)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause


async def said(runs: Runs, run: Run) -> object:
    """What the agent said in the end."""
    (runs.workspace / "go").touch()
    view = await run.closed()
    assert view.phase == "completed", view.error
    return view.state["said"]


async def test_an_agent_hears_what_it_is_told_after_its_turn(open_runs: Runs) -> None:
    run = await open_runs.start(agent("wait"))
    await open_runs.effect("until")
    assert await run.handle.execute_update("steer", {"by": "op", "text": "make it shorter"}) == "running"
    assert await said(open_runs, run) == "heard"
    assert len(open_runs.effects("until")) == 1


async def test_an_agent_that_nobody_steers_hears_nothing(open_runs: Runs) -> None:
    run = await open_runs.start(agent("wait"))
    await open_runs.effect("until")
    assert await said(open_runs, run) == "not heard"


@pytest.mark.parametrize(
    "sent", [{"text": "shorter"}, {"by": "ada", "text": "shorter"}, {"by": "zed", "text": "shorter", "signature": "x"}]
)
async def test_whoever_only_claims_to_be_somebody_is_not_heard(strict_runs: Runs, sent: dict[str, object]) -> None:
    run = await strict_runs.start(agent("wait"))
    await strict_runs.effect("until")
    assert (await refusal(run, "steer", sent)).type == "AnswerRefused"
    (kept,) = (await run.view()).refusals
    assert (kept.outcome, kept.by) == ("steer", f"claimed:{sent.get('by', 'unknown')}")
    assert await said(strict_runs, run) == "not heard"


async def test_whoever_has_the_role_is_heard_once(strict_runs: Runs) -> None:
    run = await strict_runs.start(agent("wait"))
    await strict_runs.effect("until")
    guest = await signed(run, "steer", "eve", text="shorter")
    assert "not among those who may" in (await refusal(run, "steer", guest)).message
    good = await signed(run, "steer", text="shorter", agent="work")
    edited = {**good, "text": "shorter still"}
    assert "signature is not one of `ada`" in (await refusal(run, "steer", edited)).message
    other = {key: value for key, value in good.items() if key not in ("text", "agent")}
    assert "signature is not one of `ada`" in (await refusal(run, "cancel", other)).message
    await run.handle.execute_update("steer", good)
    assert "obeyed before" in (await refusal(run, "steer", good)).message
    assert await said(strict_runs, run) == "heard"


async def test_a_secret_never_reaches_the_history(open_runs: Runs) -> None:
    run = await open_runs.start(agent("wait"))
    await open_runs.effect("until")
    before = len(await run.types())
    error = await refusal(run, "steer", {"text": f"use {SECRET}"})
    assert "`control.text` looks like a secret (github token)" in error.message
    assert "WORKFLOW_EXECUTION_UPDATE_ACCEPTED" not in (await run.types())[before:]
    await said(open_runs, run)
    history = await run.handle.fetch_history()
    assert SECRET not in history.to_json()


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"text": ""},
        {"text": "  "},
        {"text": "x" * 8193},
        {"text": "é" * 4097},
        {"text": "x", "interrupt": "yes"},
        "x",
    ],
)
async def test_malformed_steering_is_refused_without_a_trace(open_runs: Runs, sent: object) -> None:
    run = await open_runs.start(agent("wait"))
    await open_runs.effect("until")
    assert (await refusal(run, "steer", sent)).type == "InvalidAnswer"
    assert (await run.view()).refusals == ()
    await said(open_runs, run)


async def test_a_call_that_changes_nothing_is_given_up_and_the_agent_goes_on(open_runs: Runs) -> None:
    run = await open_runs.start(agent("look"))
    await open_runs.effect("gaze")
    assert await run.handle.execute_update("cancel_call", {"by": "op", "call": "work#1:2"}) == "running"
    view = await run.closed()
    assert view.state["said"] == "gave up"
    assert view.usage.elapsed_s < 15


async def test_a_call_that_changes_something_is_not_given_up(open_runs: Runs) -> None:
    run = await open_runs.start(agent("wait"))
    await open_runs.effect("until")
    error = await refusal(run, "cancel_call", {"call": "work#1:2"})
    assert "`until` changes something (`idempotent`), and runs to its end" in error.message
    assert "there is no call `x`" in (await refusal(run, "cancel_call", {"call": "x"})).message
    assert await said(open_runs, run) == "not heard"


async def test_giving_up_a_call_is_signed_where_signatures_are(strict_runs: Runs) -> None:
    run = await strict_runs.start(agent("look"))
    await strict_runs.effect("gaze")
    assert "a signature is needed" in (await refusal(run, "cancel_call", {"by": "ada", "call": "work#1:2"})).message
    other = await signed(run, "cancel_call", call="work#1:1")
    assert "signature is not one" in (await refusal(run, "cancel_call", {**other, "call": "work#1:2"})).message
    await run.handle.execute_update("cancel_call", await signed(run, "cancel_call", call="work#1:2"))
    assert (await run.closed()).state["said"] == "gave up"
