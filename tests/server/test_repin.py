"""A running run is put under another policy by a signed word alone, and by none that was not signed for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from policies.document import parse_policy
from tests.server.test_carry import histories
from tests.server.test_people import OPERATORS, control, refusal, says, signed, strict
from tests.support.runs import graph_of, human, tool, working

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from tests.support.runs import Run

ASKING = strict()
LOOSE = strict(risk={"high": "auto"})
LEADS = strict(triggers={"on_risky_tool": {**OPERATORS, "answerers": ["role:lead"]}})
RISKY = graph_of({"act": tool("risky", "end", {"value": 7})})


def digest_of(policy: dict[str, Any]) -> str:
    tenant = parse_policy(policy).tenant("default")
    assert tenant is not None
    return tenant.digest


async def unchanged(run: Run, sent: dict[str, object], reason: str) -> None:
    before = await run.view()
    assert reason in await refusal(run, "repin", sent)
    after = await run.view()
    assert after.refusals[-1].outcome == "repin"
    assert after.model_copy(update={"refusals": before.refusals, "audit": before.audit}) == before


async def test_run_goes_on_under_the_policy_that_was_signed_for(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=ASKING) as runs:
        run = await runs.start(RISKY)
        await run.pause()
        meant = digest_of(LOOSE)
        await unchanged(run, await control(run, "repin", "ada", policy_digest=meant), "and the worker's is")
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=LOOSE, operator="later") as runs:
        good = await control(run, "repin", "ada", policy_digest=meant)
        await unchanged(run, {key: good[key] for key in good if key != "signature"}, "a signature is needed")
        await unchanged(run, {**good, "policy_digest": "0" * 64}, "the signature is not one of `ada`")
        await unchanged(run, await control(run, "repin", "dee", policy_digest=meant), "not among those who may")
        await unchanged(run, await control(run, "pause", "ada", policy_digest=meant), "the signature is not one of")
        await unchanged(run, await control(run, "repin", "ada"), "it names no `policy_digest`")
        assert runs.effects() == []
        await run.handle.execute_update("repin", good)
        assert (await run.closed()).phase == "completed"
        assert len(runs.effects()) == 1


async def test_open_question_is_asked_again_and_the_old_answer_is_void(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=ASKING) as runs:
        run = await runs.start(RISKY)
        before = await run.pause()
        stale = signed(before, "approve", "bob")
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=LEADS, operator="later") as runs:
        await run.handle.execute_update("repin", await control(run, "repin", "ada", policy_digest=digest_of(LEADS)))
        pause = await run.pause()
        assert (pause.id, pause.answerers) == ("p2", ("role:lead",))
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await says(run, stale)
        assert isinstance(caught.value.cause, ApplicationError)
        assert "not among" in await refusal(run, "answer", signed(pause, "approve", "bob"))
        await says(run, signed(pause, "approve", "ada"))
        assert (await run.closed()).phase == "completed"
        assert len(runs.effects()) == 1


async def test_run_that_was_carried_is_repinned_and_carried_on(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    many = {"kind": "map", "over": "${input.n}", "as": "n", "to": "act", "join": "ask", "max_concurrency": 3}
    nodes = {
        "each": {"kind": "plan", "rules": [{"map": {key: many[key] for key in many if key != "kind"}}]},
        "act": {"kind": "tool", "tool": "note", "with": {"value": "${n}"}},
        "ask": human("yes", to="last"),
        "last": tool("risky", "end", {"value": 1}),
    }
    graph = graph_of(nodes)
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=ASKING, carry_after=50) as runs:
        run = await runs.start(graph, {"n": list(range(40))})
        pause = await run.pause()
        assert (await histories(run)) > 1
    async with working(
        temporal_client, blobs, task_queue, tmp_path, policy=LOOSE, operator="later", carry_after=50
    ) as runs:
        await run.handle.execute_update("repin", await control(run, "repin", "ada", policy_digest=digest_of(LOOSE)))
        pause = await run.pause()
        await says(run, signed(pause, "yes", "ada"))
        assert (await run.closed()).phase == "completed"
        assert [effect["value"] for effect in runs.effects("risky")] == [1]
