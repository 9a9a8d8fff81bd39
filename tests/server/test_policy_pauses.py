"""What policy asks about is not done before a person has said yes, and then once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from temporalio.testing import TimeSkipper

from tests.server.histories import calls_of
from tests.support.runs import graph_of, human, policy_of, tool, working
from workflows.engine.digest import pause_digest

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from tests.support.runs import Runs

RISKY = graph_of({"act": tool("risky", "end", {"value": 7}, writes={"got": "${result.value}"})}, state={"got": {}})
RISKY["output"] = {"got": "${state.got}"}


async def test_a_risky_call_is_made_once_after_yes(runs: Runs) -> None:
    run = await runs.start(RISKY)
    pause = await run.pause()
    assert (pause.trigger, pause.ui, pause.outcomes) == ("on_risky_tool", "modal", ("approve", "deny"))
    assert pause.call is not None
    assert (pause.call.name, pause.call.args, pause.call.risk) == ("risky", {"value": 7}, "high")
    await asyncio.sleep(0.3)
    assert runs.effects() == []
    await run.answer("approve")
    view = await run.closed()
    assert (view.phase, view.output) == ("completed", {"got": 7})
    assert [effect["value"] for effect in runs.effects()] == [7]


async def test_the_evidence_of_the_yes_travels_with_the_call(runs: Runs) -> None:
    run = await runs.start(RISKY)
    pause = await run.pause()
    await run.answer("approve", digest=pause.digest)
    await run.closed()
    (call,) = await calls_of(run)
    permit = call["permit"]
    said = {key: permit[key] for key in ("pause", "triggers", "outcome", "by", "digest", "scope")}
    asked = {"pause": pause.id, "triggers": ["on_risky_tool"], "digest": pause.digest}
    assert said == {**asked, "outcome": "approve", "by": "claimed:ada", "scope": "once"}
    assert pause_digest(permit["asked"]) == pause.digest
    assert pause.call is not None
    assert permit["asked"]["calls"][0]["args_digest"] == pause.call.args_digest
    assert [answer["by"] for answer in permit["answers"]] == ["ada"]


async def test_no_means_declined(runs: Runs) -> None:
    run = await runs.start(RISKY)
    await run.answer("deny")
    assert (await run.failure()).type == "Declined"
    view = await run.closed()
    assert view.phase == "failed"
    assert view.error is not None
    assert (view.error.type, view.error.node) == ("Declined", "act")
    assert view.error.message == "claimed:ada answered p1 with `deny`"
    assert runs.effects() == []


async def test_a_declined_call_can_be_caught_by_the_graph(runs: Runs) -> None:
    nodes = {"act": tool("risky", "end", on_failure={"to": "else"}), "else": tool("note", "end", {"value": "instead"})}
    run = await runs.start(graph_of(nodes))
    await run.answer("deny")
    assert (await run.closed()).phase == "completed"
    assert [(effect["tool"], effect["value"]) for effect in runs.effects()] == [("note", "instead")]


async def test_nobody_answering_in_time_means_no(runs: Runs) -> None:
    run = await runs.start(RISKY, execution_timeout=None)
    pause = await run.pause()
    assert (pause.on_timeout, pause.deadline is not None) == ("deny", True)
    skipper = TimeSkipper(runs.client)
    await skipper.fast_forward(run.handle, timedelta(minutes=59))
    assert [open_pause.id for open_pause in await run.pauses()] == [pause.id]
    await skipper.fast_forward(run.handle, timedelta(minutes=2))
    view = await run.closed()
    assert view.error is not None
    assert (view.error.type, view.error.message) == ("Declined", "nobody answered p1 in time")
    assert runs.effects() == []


@pytest.mark.parametrize(
    ("on_timeout", "phase", "outcome"),
    [("abort", "aborted", None), ("later", "completed", "later"), ("keep_waiting", "waiting", None)],
)
async def test_a_person_who_does_not_answer_in_time(
    runs: Runs, on_timeout: str, phase: str, outcome: str | None
) -> None:
    node = human("now", "later", to="end", deadline="24h", on_timeout=on_timeout, writes={"said": "${result}"})
    run = await runs.start(
        graph_of({"ask": node}, state={"said": {}}, output={"said": "${state.said}"}), execution_timeout=None
    )
    await run.pause()
    skipping = TimeSkipper(runs.client).fast_forward(run.handle, timedelta(hours=25))
    if phase == "waiting":
        assert await skipping
        assert (await run.view()).phase == "waiting"
        await run.answer("now")
        return
    await skipping
    view = await run.closed()
    assert view.phase == phase
    if outcome is not None:
        said = view.output["said"]
        assert (said["outcome"], said["by"], said["payload"]) == (outcome, "timeout", None)


async def test_a_protected_path_is_asked_about_and_a_plain_one_is_not(runs: Runs) -> None:
    nodes = {
        "plain": tool("fs.write", "guarded", {"path": "out/a.txt", "text": "a"}),
        "guarded": tool("fs.write", "end", {"path": ".git/config", "text": "b"}),
    }
    run = await runs.start(graph_of(nodes))
    pause = await run.pause()
    assert (pause.trigger, pause.node) == ("on_protected_path", "guarded")
    assert (runs.workspace / "out" / "a.txt").read_text() == "a"
    assert not (runs.workspace / ".git").exists()
    await run.answer("approve")
    assert (await run.closed()).phase == "completed"
    assert (runs.workspace / ".git" / "config").read_text() == "b"


async def test_branches_are_asked_each_on_its_own(runs: Runs) -> None:
    over = {"over": [1, 2, 3], "as": "n", "to": "act", "join": "done", "mode": "settle"}
    nodes = {
        "split": {"kind": "plan", "rules": [{"map": over}]},
        "act": {"kind": "tool", "tool": "risky", "with": {"value": "${n}"}},
        "done": tool("note", "end", {"value": "${failed}"}),
    }
    run = await runs.start(graph_of(nodes))
    await run.pause(3)
    await run.answer("approve", pause="p3")
    await run.answer("deny", pause="p1")
    await run.answer("approve", pause="p2")
    assert (await run.closed()).phase == "completed"
    assert sorted(effect["value"] for effect in runs.effects("risky")) == [2, 3]
    assert [effect["value"] for effect in runs.effects("note")] == [1]


async def test_a_yes_holds_for_one_visit(runs: Runs) -> None:
    nodes = {
        "act": {"kind": "tool", "tool": "risky", "with": {"value": "${visit}"}, "next": "again"},
        "again": {"kind": "plan", "rules": [{"when": "visit < 2", "to": "act"}, {"to": "end"}]},
    }
    run = await runs.start(graph_of(nodes))
    await run.answer("approve", pause="p1")
    second = await run.pause()
    assert (second.id, second.activation) == ("p2", "act#2")
    await run.answer("approve", pause="p2")
    assert (await run.closed()).phase == "completed"
    assert [effect["value"] for effect in runs.effects()] == [1, 2]


async def test_what_policy_denies_never_runs_and_never_asks(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    policy = policy_of(risk={"tools": {"note": "critical"}})
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=policy) as runs:
        run = await runs.start(graph_of({"act": tool("note", "end", {"value": 1})}))
        view = await run.closed()
    assert (view.phase, view.error and view.error.type) == ("failed", "PolicyDenied")
    assert view.error is not None
    assert "[risk.critical]" in view.error.message
    assert runs.effects() == []
    assert "ACTIVITY_TASK_SCHEDULED" not in await run.types()


async def test_without_a_trigger_what_would_be_asked_is_denied(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    policy = policy_of(triggers={"on_failure": {"ui": "panel"}})
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=policy) as runs:
        run = await runs.start(RISKY)
        view = await run.closed()
    assert view.error is not None
    assert view.error.type == "PolicyDenied"
    assert runs.effects() == []
