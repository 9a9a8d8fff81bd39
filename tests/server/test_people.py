"""On the real server: nothing happens before those who may have said yes, and signed it."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.server.histories import calls_of
from tests.support import signers
from tests.support.asking import people
from tests.support.runs import graph_of, human, policy_of, tool, working

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from tests.support.runs import Run, Runs
    from workflows.contracts.pause import PauseView

OPERATORS = {"answerers": ["role:operator"], "deadline": "1h"}
CONTROLS = {"pause": "operator", "cancel": "operator", "resume": "operator"}
RISKY = graph_of({"act": tool("risky", "end", {"value": 7})})
CHAIN = graph_of({"ask": human("yes", to="act"), "act": tool("note", "end", {"value": 1})})


def strict(**parts: object) -> dict[str, Any]:
    """A policy under which every word is signed."""
    return policy_of(**{"answerers": people(), "controls": CONTROLS, "triggers": {"on_risky_tool": OPERATORS}, **parts})


@pytest.fixture
async def signing(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> AsyncIterator[Runs]:
    """Runs under a policy that knows people, and takes only what they have signed."""
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=strict()) as place:
        yield place


def times() -> dict[str, object]:
    now = datetime.now(UTC)
    return {"issued_at": now.isoformat(), "expires_at": (now + timedelta(hours=1)).isoformat()}


def signed(pause: PauseView, outcome: str, by: str, **fields: object) -> dict[str, object]:
    """A person's answer to a pause."""
    answer = {"pause": pause.id, "digest": pause.digest, "outcome": outcome, "by": by, **times(), **fields}
    return signers.signed(answer, by)


async def says(run: Run, payload: dict[str, object]) -> dict[str, Any]:
    receipt: dict[str, Any] = await run.handle.execute_update("answer", payload)
    return receipt


async def refusal(run: Run, update: str, payload: object) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await run.handle.execute_update(update, payload)
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "AnswerRefused"
    return caught.value.cause.message


async def control(run: Run, action: str, by: str, **fields: object) -> dict[str, object]:
    """A person's control of a run."""
    described = await run.handle.describe()
    first = described.raw_description.workflow_execution_info.first_run_id
    return signers.signed_control(
        {"by": by, **times(), **fields},
        by,
        action=action,
        namespace=run.client.namespace,
        workflow_id=run.handle.id,
        first_run_id=first or described.run_id,
    )


async def test_nothing_is_done_before_a_signed_yes(signing: Runs) -> None:
    run = await signing.start(RISKY)
    pause = await run.pause()
    assert (pause.signed, pause.answerers) == (True, ("role:operator",))
    unsigned = {"pause": "p1", "outcome": "approve", "by": "ada", "digest": pause.digest}
    for forged in (
        unsigned,
        signed(pause, "approve", "dee"),
        {**signed(pause, "approve", "dee"), "by": "ada"},
        {**signed(pause, "deny", "ada"), "outcome": "approve"},
    ):
        await refusal(run, "answer", forged)
        await run.signal(forged)
    await asyncio.sleep(0.3)
    assert signing.effects() == []
    assert len((await run.view()).refusals) == 8
    assert (await says(run, signed(pause, "approve", "ada")))["by"] == "ada"
    assert (await run.closed()).phase == "completed"
    assert [effect["value"] for effect in signing.effects()] == [7]
    (call,) = await calls_of(run)
    assert (call["permit"]["by"], call["permit"]["digest"]) == ("ada", pause.digest)


async def test_two_answers_at_once_are_one_call(signing: Runs) -> None:
    run = await signing.start(RISKY)
    pause = await run.pause()
    both = [says(run, signed(pause, "approve", by)) for by in ("ada", "bob")]
    told = await asyncio.gather(*both, return_exceptions=True)
    assert len([one for one in told if isinstance(one, dict)]) == 1
    assert (await run.closed()).phase == "completed"
    assert len(signing.effects()) == 1


async def test_two_keys_make_a_quorum_of_two(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    policy = strict(triggers={"on_risky_tool": {**OPERATORS, "quorum": 2}})
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=policy) as runs:
        run = await runs.start(RISKY)
        pause = await run.pause()
        assert (await says(run, signed(pause, "approve", "ada")))["waits_for"] == 1
        assert (await says(run, signed(pause, "approve", "ada", nonce="again")))["waits_for"] == 1
        assert (await run.pause()).answered_by == ("ada",)
        await asyncio.sleep(0.3)
        assert runs.effects() == []
        assert (await says(run, signed(pause, "approve", "cy")))["waits_for"] == 0
        assert (await run.closed()).phase == "completed"
        assert len(runs.effects()) == 1


async def test_question_that_nobody_answers_goes_to_others(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    rule = {"answerers": ["bob"], "deadline": "1s", "on_timeout": "escalate", "escalate": {"answerers": ["role:lead"]}}
    async with working(
        temporal_client, blobs, task_queue, tmp_path, policy=strict(triggers={"on_risky_tool": rule})
    ) as runs:
        run = await runs.start(RISKY)
        before = await run.pause()
        view = await run.until(lambda view: view.pauses[0].answerers == ("role:lead",))
        assert "not among" in await refusal(run, "answer", signed(view.pauses[0], "approve", "bob"))
        assert "not that of the question" in await refusal(run, "answer", signed(before, "approve", "ada"))
        await says(run, signed(view.pauses[0], "approve", "ada"))
        assert (await run.closed()).phase == "completed"


async def test_grant_lets_the_call_through_the_edge(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    policy = strict(
        allow=[{"tool": ["**"]}],
        grantable=[{"fs.write": ["out/**"]}],
        protected=[],
        triggers={"on_capability": OPERATORS},
    )
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=policy) as runs:
        run = await runs.start(graph_of({"put": tool("fs.write", "end", {"path": "out/a", "text": "t"})}))
        pause = await run.pause()
        assert (pause.outcomes, pause.lacks) == (("grant", "deny"), ("fs.write:out/a",))
        await says(run, signed(pause, "grant", "bob"))
        assert (await run.closed()).phase == "completed"
        assert (runs.workspace / "out" / "a").read_text() == "t"


async def test_twenty_yeses_in_any_order_are_twenty_calls(signing: Runs) -> None:
    nodes = {
        "each": {
            "kind": "plan",
            "rules": [{"map": {"over": "${input.n}", "as": "n", "to": "act", "join": "done", "max_concurrency": 20}}],
        },
        "act": {"kind": "tool", "tool": "risky", "with": {"value": "${n}"}},
        "done": tool("note", "end"),
    }
    run = await signing.start(graph_of(nodes), {"n": list(range(20))})
    view = await run.until(lambda view: len(view.pauses) == 20)
    order = list(view.pauses)
    random.Random(7).shuffle(order)  # noqa: S311 - any order will do
    for pause in order:
        await says(run, signed(pause, "approve", "ada"))
    assert (await run.closed()).phase == "completed"
    assert sorted(effect["value"] for effect in signing.effects("risky")) == list(range(20))


async def test_controls_are_for_those_who_may(signing: Runs) -> None:
    run = await signing.start(CHAIN)
    await run.pause()
    for action in ("pause", "resume", "cancel"):
        assert "a signature is needed" in await refusal(run, action, {"by": "bob"})
        assert "not among" in await refusal(run, action, await control(run, action, "dee"))
    assert (await run.view()).phase == "waiting"
    assert await run.handle.execute_update("pause", await control(run, "pause", "bob")) == "paused"
    assert await run.handle.execute_update("resume", await control(run, "resume", "bob")) == "waiting"
    refusals = (await run.view()).refusals
    assert [(refusal.outcome, refusal.by) for refusal in refusals[:2]] == [
        ("pause", "claimed:bob"),
        ("pause", "claimed:dee"),
    ]


async def test_cancel_by_update_ends_the_run(signing: Runs) -> None:
    run = await signing.start(CHAIN)
    await run.pause()
    await run.handle.execute_update("cancel", await control(run, "cancel", "bob"))
    view = await run.closed()
    assert view.error is not None
    assert (view.phase, view.error.message) == ("cancelled", "cancelled by bob")
    assert (await run.handle.describe()).status is WorkflowExecutionStatus.FAILED


async def test_cancel_request_without_a_name_is_not_obeyed(signing: Runs) -> None:
    run = await signing.start(CHAIN)
    pause = await run.pause()
    await run.handle.cancel()
    view = await run.until(lambda view: view.refusals)
    assert (view.phase, view.refusals[0].by, len(view.pauses)) == ("waiting", "a cancel request", 1)
    await says(run, signed(pause, "yes", "dee"))
    assert (await run.closed()).phase == "completed"
    assert (await run.handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert len(signing.effects("note")) == 1


async def test_cancel_by_update_after_a_bare_one_is_cancelled_for_temporal_too(signing: Runs) -> None:
    run = await signing.start(CHAIN)
    await run.pause()
    await run.handle.cancel()
    await run.until(lambda view: view.refusals)
    await run.handle.execute_update("cancel", await control(run, "cancel", "ada"))
    assert (await run.closed()).phase == "cancelled"
    assert (await run.handle.describe()).status is WorkflowExecutionStatus.CANCELED
