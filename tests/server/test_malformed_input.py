"""Whatever a run is started with, it begins, or ends at once with a typed failure; it is never stuck."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from tests.server.stranger import go_on
from tests.support.runs import TIMEOUT_S, Run, graph_of, tool
from workflows.contracts.names import ENGINE, WORKFLOW

if TYPE_CHECKING:
    from tests.server.conftest import TemporalCommand
    from tests.support.runs import Runs

GRAPH = graph_of({"act": tool("note", "end", {"value": 1})})
GOOD: dict[str, Any] = {"v": 1, "graph": GRAPH}

ARGUMENTS: dict[str, tuple[list[object], str, str]] = {
    "none": ([], "InvalidDocument", "it is not one JSON object; start runs with `detent run`"),
    "two": ([GOOD, GOOD], "InvalidDocument", "it is not one JSON object"),
    "null": ([None], "InvalidDocument", "it is not one JSON object"),
    "a list": ([[]], "InvalidDocument", "it is not one JSON object"),
    "a number": ([7], "InvalidDocument", "it is not one JSON object"),
    "text": (["run!"], "InvalidDocument", "it is not one JSON object"),
    "empty": ([{}], "InvalidDocument", "`graph`: field required"),
    "graph no object": ([{"graph": "g"}], "InvalidDocument", "`graph`: input should be a valid dictionary"),
    "empty graph": ([{"graph": {}}], "InvalidDocument", ""),
    "version no number": ([{**GOOD, "v": "one"}], "InvalidDocument", "`v`: input should be a valid integer"),
    "version as text": ([{**GOOD, "v": "2"}], "InvalidDocument", "version 2"),
    "no such node": ([{"graph": {**GRAPH, "start": "nowhere"}}], "InvalidDocument", "nowhere"),
    "no such tool": ([{"graph": graph_of({"act": tool("note2", "end")})}], "InvalidDocument", "did you mean `note`"),
    "policy": ([{**GOOD, "policy": {"allow": [{"tool": ["**"]}]}}], "ForgedInput", "`policy`"),
    "grants": ([{**GOOD, "grants": []}], "ForgedInput", "`grants`"),
    "tools": ([{**GOOD, "tools": {}}], "ForgedInput", "`tools`"),
    "card": ([{**GOOD, "card": {}}], "ForgedInput", "`card`"),
    "carry": ([{**GOOD, "carry": {"v": 1, "card": {}, "snapshot": {}}}], "ForgedInput", "continues no other"),
    "carry, nothing": ([{**GOOD, "carry": 0}], "ForgedInput", "continues no other"),
    "parent": ([{**GOOD, "parent": "default/g/other"}], "ForgedInput", "`parent`"),
    "limits": ([{**GOOD, "limits": {"tokens": 10**9}}], "ForgedInput", "`limits`"),
    "forked_from": ([{**GOOD, "forked_from": {"run": "x"}}], "ForgedInput", "`forked_from`"),
    "other tenant": ([{**GOOD, "tenant": "rich"}], "TenantNotAllowed", "asks for tenant `rich`"),
    "tenant no text": ([{**GOOD, "tenant": 1}], "InvalidDocument", "`tenant`: input should be a valid string"),
}


@pytest.mark.parametrize(("arguments", "kind", "message"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
async def test_a_start_that_cannot_be_is_refused_at_once(
    runs: Runs, arguments: list[object], kind: str, message: str
) -> None:
    run = await runs.start_raw(*arguments)
    failure = await run.failure()
    assert (failure.type, failure.non_retryable) == (kind, True)
    assert message in failure.message
    view = await run.closed()
    assert (view.phase, view.id, view.error and view.error.type) == ("failed", run.handle.id, kind)
    assert failure.details[0]["id"] == run.handle.id, "the failure holds the view"
    assert "WORKFLOW_TASK_FAILED" not in await run.types()
    assert runs.effects() == []


@pytest.mark.parametrize(
    ("run_id", "kind"),
    [
        ("{key}", "TenantNotAllowed"),
        ("default/{key}", "InvalidDocument"),
        ("default/other/{key}", "InvalidDocument"),
        ("default//{key}", "InvalidDocument"),
        ("nobody/g/{key}", "TenantNotAllowed"),
        ("/g/{key}", "TenantNotAllowed"),
        ("Default/g/{key}", "TenantNotAllowed"),
    ],
)
async def test_a_workflow_id_of_another_form_is_refused(runs: Runs, run_id: str, kind: str) -> None:
    run = await runs.start_raw(GOOD, id=run_id.format(key=runs.key()))
    failure = await run.failure()
    assert failure.type == kind
    assert run.handle.id in failure.message or "is not served" in failure.message


@pytest.mark.parametrize(
    "words",
    [
        ["--input", '{"graph": "\\ud800"}'],
        ["--input", "[" * 500 + "]" * 500],
        ["--input", "{}", "--input-meta", "encoding=what/ever"],
        ["--input", '{"graph": {}, "input": 1e999}'],
    ],
    ids=["lone surrogate", "deep", "unknown encoding", "infinite"],
)
async def test_input_that_cannot_be_read_ends_the_run(runs: Runs, temporal: TemporalCommand, words: list[str]) -> None:
    run_id = f"default/g/{runs.key()}"
    await temporal("workflow", "start", "-w", run_id, "--type", WORKFLOW, "-t", runs.task_queue, *words)
    failure = await Run(runs.client.get_workflow_handle(run_id), runs.client).failure()
    assert failure.type in {"InvalidValue", "InvalidDocument"}
    assert failure.message


async def test_the_problems_of_a_graph_are_all_told(runs: Runs) -> None:
    nodes = {"a": tool("nope", "b"), "b": tool("note", "nowhere")}
    run = await runs.start_raw({"graph": graph_of(nodes)})
    view = await run.closed()
    assert view.error is not None
    assert view.error.details is not None
    told = " ".join(problem["message"] for problem in view.error.details["problems"])
    assert "nope" in told
    assert "nowhere" in told


async def test_unknown_fields_of_a_newer_client_are_ignored(runs: Runs) -> None:
    run = await runs.start_raw({**GOOD, "flavour": "new", "tenant": None, "parent": None})
    assert (await run.closed()).phase == "completed"


async def task_failure(run: Run) -> str:
    """The words of the first workflow task that failed."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            for event in (await run.handle.fetch_history()).events:
                if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                    return event.workflow_task_failed_event_attributes.failure.message
            await asyncio.sleep(0.05)


async def test_input_of_a_later_version_waits_for_a_newer_worker(runs: Runs) -> None:
    run = await runs.start_raw({**GOOD, "v": 2})
    assert await task_failure(run) == "the run's input is version 2, this worker reads 1: deploy a newer worker"
    assert (await run.handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await run.handle.terminate()


CARD = {
    "engine": ENGINE,
    "tenant": "default",
    "policy": {"name": "default"},
    "policy_digest": "0" * 64,
    "expressions": "x",
}


SNAPSHOT = {"v": 1, "state": {}, "ledgers": {}}
CARRIES: tuple[dict[str, object], ...] = (
    {},
    {"card": CARD},
    {"card": CARD, "snapshot": {}},
    {"card": CARD, "snapshot": {"v": 0}},
    {"card": CARD, "snapshot": {**SNAPSHOT, "state": {"frames": []}}},
    {"card": CARD, "snapshot": {**SNAPSHOT, "ledgers": [1]}},
    {"card": CARD, "snapshot": {**SNAPSHOT, "ledgers": {"": {}}}},
    {"card": {**CARD, "policy": {"allow": "everything"}}, "snapshot": SNAPSHOT},
)


async def test_a_carry_that_does_not_parse_ends_the_run(trusting: Runs) -> None:
    for run in await go_on(trusting, *({**GOOD, "carry": carry} for carry in CARRIES)):
        failure = await run.failure()
        assert failure.type == "ForgedInput"
        assert "the carry does not parse" in failure.message


async def test_a_carry_of_a_later_version_waits_for_a_newer_worker(trusting: Runs) -> None:
    later = ({"v": 2}, {"card": CARD, "snapshot": {"v": 2}})
    for run in await go_on(trusting, *({**GOOD, "carry": carry} for carry in later)):
        assert "is version 2, this worker reads 1: deploy a newer worker" in await task_failure(run)
        assert (await run.handle.describe()).status is WorkflowExecutionStatus.RUNNING
        await run.handle.terminate()
