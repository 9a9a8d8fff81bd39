"""Calls that fail, that are lost, that are too large: a person decides, and nothing is repeated unasked."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from tests.server.histories import calls_of, scheduled_in
from tests.support.command_line import CommandLine, environ, with_worker
from tests.support.runs import TOOLS, Run, Runs, graph_of, policy_of, tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from tests.server.conftest import TemporalCommand
    from worker.server import EmbeddedServer
    from workflows.contracts.run import RunView

SIZE = 5_000_000
FLAKY = graph_of(
    {"try": tool("flaky", "end", {"file": "ok"}, writes={"got": "${result}"})},
    state={"got": {"reducer": "last", "initial": "nothing"}},
    output={"got": "${state.got}"},
)


async def test_a_failed_node_waits_for_a_person_who_has_it_retried(runs: Runs) -> None:
    run = await runs.start(FLAKY)
    pause = await run.pause()
    assert (pause.trigger, pause.outcomes) == ("on_failure", ("retry", "skip", "abort"))
    assert pause.error is not None
    assert (pause.error["type"], pause.error["node"]) == ("ToolFailed", "try")
    assert "`ok` is not there" in pause.ask
    (runs.workspace / "ok").touch()
    await run.answer("retry")
    view = await run.closed()
    assert (view.phase, view.output) == ("completed", {"got": {"file": "ok"}})
    first, second = await scheduled_in(run)
    assert second.activity_id == f"{first.activity_id}~1"
    keys = {call["key"] for call in await calls_of(run)}
    assert len(keys) == 1, "a person's retry keeps the idempotency key"


async def test_a_retry_that_fails_again_asks_again(runs: Runs) -> None:
    run = await runs.start(FLAKY)
    await run.answer("retry")
    again = await run.until(lambda view: [pause.id for pause in view.pauses] == ["p2"])
    assert again.phase == "waiting"
    await run.answer("skip", pause="p2")
    view = await run.closed()
    assert (view.phase, view.output) == ("completed", {"got": "nothing"}), "a skipped node writes nothing"


async def test_a_failed_node_can_abort_the_run(runs: Runs) -> None:
    run = await runs.start(FLAKY)
    await run.answer("abort")
    assert (await run.failure()).type == "Declined"
    view = await run.closed()
    assert view.phase == "aborted"
    assert view.error is not None
    assert "ada answered p1 with `abort`" in view.error.message
    assert "`ok` is not there" in view.error.message


async def test_a_once_tool_without_an_answer_is_uncertain_and_not_repeated(runs: Runs) -> None:
    node = tool("pay", "end", {"usd": 5, "seconds": 9}, timeout="300ms", writes={"got": "${result}"})
    run = await runs.start(graph_of({"pay": node}, state={"got": {}}, output={"got": "${state.got}"}))
    pause = await run.pause()
    assert (pause.trigger, pause.outcomes) == ("on_uncertain", ("retry", "skip", "complete", "abort"))
    assert pause.call is not None
    assert (pause.call.name, pause.call.effect) == ("pay", "once")
    await run.answer("complete", data={"result": {"paid": 5}})
    view = await run.closed()
    assert (view.phase, view.output) == ("completed", {"got": {"paid": 5}})
    assert len(runs.effects("pay")) == 1


async def test_an_uncertain_call_is_repeated_when_a_person_says_so(runs: Runs) -> None:
    nodes = {"pay": tool("pay", "end", {"usd": 5, "seconds": 0.6}, timeout="300ms")}
    run = await runs.start(graph_of(nodes))
    await run.answer("retry")
    await run.until(lambda view: view.pauses and view.pauses[0].id == "p2")
    assert [effect["attempt"] for effect in runs.effects("pay")] == [1, 1]
    await run.answer("skip")
    assert (await run.closed()).phase == "completed"


async def test_a_reset_does_not_repeat_an_effect(runs: Runs, temporal: TemporalCommand) -> None:
    run = await runs.start(graph_of({"pay": tool("pay", "end", {"usd": 5})}))
    assert (await run.closed()).phase == "completed"
    await temporal("workflow", "reset", "-w", run.handle.id, "-t", "FirstWorkflowTask", "--reason", "again")
    again = Run(runs.client.get_workflow_handle(run.handle.id), runs.client)
    pause = await again.pause()
    assert (pause.trigger, len(runs.effects("pay"))) == ("on_uncertain", 1)
    await again.answer("skip")
    assert (await again.closed()).phase == "completed"
    assert len(runs.effects("pay")) == 1


@pytest.fixture
def mortal(temporal_server: EmbeddedServer, task_queue: str, tmp_path: Path, blobs: DirectoryBlobs) -> CommandLine:
    """The command line of a worker in a process of its own, which a tool of it may kill."""
    (tmp_path / "workspace").mkdir()
    (tmp_path / "policy.yaml").write_text(json.dumps(policy_of()))
    found = environ(temporal_server.address, task_queue, tmp_path)
    return CommandLine({**found, "DETENT_TOOLS": str(TOOLS), "DETENT_BLOBS": str(blobs._root)}, tmp_path)


@pytest.fixture
def mortal_worker(mortal: CommandLine) -> Iterator[CommandLine]:
    yield from with_worker(mortal, "--policy", "policy.yaml")


async def test_a_once_tool_whose_worker_dies_is_uncertain(
    mortal_worker: CommandLine, temporal_client: Client, task_queue: str, tmp_path: Path
) -> None:
    runs = Runs(temporal_client, task_queue, tmp_path / "workspace")
    run = await runs.start(graph_of({"die": tool("die", "end", {"file": "alive"})}))
    await runs.effect("die")
    again = with_worker(mortal_worker, "--policy", "policy.yaml")
    await asyncio.to_thread(next, again)
    try:
        pause = await run.pause()
        assert pause.trigger == "on_uncertain"
        assert len(runs.effects("die")) == 1, "nobody repeats it unasked"
        (tmp_path / "workspace" / "alive").touch()
        await run.answer("retry")
        assert (await run.closed()).phase == "completed"
        assert len(runs.effects("die")) == 2
    finally:
        await asyncio.to_thread(next, again, None)


async def refused(runs: Runs, node: dict[str, object], given: object = None) -> RunView:
    """A run of one node that fails the run."""
    run = await runs.start(graph_of({"act": {**node, "on_failure": "fail"}}), given)
    view = await run.closed()
    assert view.phase == "failed"
    return view


async def test_a_result_of_5_mb_fails_in_one_attempt(runs: Runs) -> None:
    view = await refused(runs, tool("large", "end", {"size": SIZE}))
    assert view.error is not None
    assert (view.error.type, view.error.node) == ("ResultTooLarge", "act")
    assert "over the limit of 1048576" in view.error.message
    assert [effect["attempt"] for effect in runs.effects("large")] == [1]


async def test_results_up_to_the_limit_are_kept_whole(runs: Runs) -> None:
    node = tool("large", "end", {"size": 1_000_000}, writes={"got": "${result.text}"})
    run = await runs.start(graph_of({"act": node}, state={"got": {}}, output={"got": "${state.got}"}))
    view = await run.closed()
    assert view.output == {"got": "x" * 1_000_000}
    history = await run.handle.fetch_history()
    assert sum(event.ByteSize() for event in history.events) < 32 * 1024, "large values lie outside of the history"


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        ({"kind": "tool", "tool": "note", "with": {"value": ["${input.x}"] * 6}}, "ResultTooLarge"),
        ({"kind": "tool", "tool": "note", "with": {"value": "${input.x}" * 6}}, "ExpressionFailed"),
        ({"kind": "model", "model": "default", "prompt": "${input.x}" * 6}, "ExpressionFailed"),
        ({"kind": "human", "ask": "?", "show": "${input.x}" * 6, "outcomes": ["a"], "routes": {"a": "end"}}, None),
    ],
    ids=["arguments", "argument", "prompt", "shown"],
)
async def test_what_5_mb_are_put_into_fails_by_name(runs: Runs, node: dict[str, object], kind: str | None) -> None:
    onward = {} if "routes" in node else {"next": "end"}
    view = await refused(runs, {**node, **onward}, {"x": "y" * 900_000})
    assert view.error is not None
    assert view.error.type == (kind or "ExpressionFailed")
    assert runs.effects() == []


async def test_an_input_of_5_mb_is_refused_at_admission(runs: Runs) -> None:
    run = await runs.start(graph_of({"act": tool("note", "end")}), {"x": "y" * SIZE})
    view = await run.closed()
    assert view.error is not None
    assert view.error.type == "InvalidDocument"
    assert "the input has 5,000,008 bytes, over the limit of 1,048,576" in view.error.message
    assert "WORKFLOW_TASK_FAILED" not in await run.types()


async def test_a_graph_of_5_mb_is_refused_at_admission(runs: Runs) -> None:
    run = await runs.start(graph_of({"act": tool("note", "end", {"value": "y" * SIZE})}))
    view = await run.closed()
    assert view.error is not None
    assert view.error.type == "InvalidDocument"
    assert len(view.error.message) < 1000


async def test_state_that_grows_past_every_payload_limit_does_not_end_the_run(runs: Runs) -> None:
    """Eight results of a megabyte in one workflow task: without external storage the server terminates the run."""
    mapped = {"over": [1, 2, 3, 4, 5, 6, 7, 8], "as": "n", "to": "get", "join": "after"}
    nodes = {
        "split": {"kind": "plan", "rules": [{"map": mapped}]},
        "get": {"kind": "tool", "tool": "large", "with": {"size": 1_000_000}, "writes": {"got": "${result.text}"}},
        "after": tool("note", "end", {"value": "${size(state.got)}"}),
    }
    run = await runs.start(graph_of(nodes, state={"got": {"reducer": "append"}}))
    assert (await run.closed()).phase == "completed"
    assert [effect["value"] for effect in runs.effects("note")] == [8]
