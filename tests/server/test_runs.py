"""A run from its start to its result, as the server, the `temporal` command and our queries show it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from temporalio.api.enums.v1 import EventType

from cli.cluster import Cluster
from cli.start import Start, start
from tests.support.runs import Run, graph_of, human, tool

if TYPE_CHECKING:
    from tests.server.conftest import TemporalCommand
    from tests.support.runs import Runs
    from workflows.contracts.run import RunView

REVIEW = """
graph: review
version: 1.2.0
input: {type: object, required: [pattern], properties: {pattern: {type: string}}}
state: {files: {reducer: last, initial: []}, texts: {reducer: append}, said: {reducer: last}}
capabilities:
  - tool: [fs.glob, fs.read]
  - fs.read: ["**"]
  - model: [default]
start: list
nodes:
  list:
    kind: tool
    tool: fs.glob
    with: {pattern: "${input.pattern}"}
    writes: {files: "${result.paths}"}
    next: split
  split:
    kind: plan
    rules:
      - map: {over: "${state.files}", as: file, to: read, join: sum, mode: settle, max_concurrency: 2}
  read: {kind: tool, tool: fs.read, with: {path: "${file}"}, writes: {texts: "${result.text}"}, next: check}
  check:
    kind: validate
    checks: [{name: short, when: "size(result.text) < 100"}]
    routes: {pass: sum, fail: fail}
  sum:
    kind: model
    model: default
    prompt: "${failed} of ${size(results)} failed"
    next: accept
  accept:
    kind: human
    ui: panel
    ask: Ship this?
    show: "${result.text}"
    outcomes: [accept, reject]
    form: {type: object, properties: {why: {type: string}}, required: [why], additionalProperties: false}
    writes: {said: "${result}"}
    routes: {accept: end, reject: fail}
output: {texts: "${state.texts}", said: "${state.said}"}
"""


async def start_review(runs: Runs, **options: Any) -> Run:
    for name, text in {"a.txt": "one", "b.txt": "x" * 200, "c.txt": "three"}.items():
        (runs.workspace / name).write_text(text)
    return await runs.start(REVIEW, {"pattern": "*.txt"}, **options)


def check_output(view: RunView, payload: object) -> None:
    assert view.phase == "completed"
    assert view.error is None
    assert view.output["texts"] == ["one", "three"], "the log of the failed branch is dropped, order is by branch"
    assert (view.output["said"]["outcome"], view.output["said"]["payload"]) == ("accept", payload)


async def test_a_run_with_tools_a_map_and_a_person_completes_by_update(runs: Runs) -> None:
    run = await start_review(runs)
    pause = await run.pause()
    assert (pause.node, pause.ask, pause.show, pause.ui) == ("accept", "Ship this?", "done", "panel")
    assert (pause.trigger, pause.outcomes) == ("on_human_node", ("accept", "reject"))
    receipt = await run.answer("accept", data={"why": "good"}, digest=pause.digest)
    assert receipt == {
        "pause": pause.id,
        "outcome": "accept",
        "by": "claimed:ada",
        "node": "accept",
        "waits_for": 0,
    }
    view = await run.closed()
    check_output(view, {"why": "good"})
    assert view.output["said"]["by"] == "claimed:ada"


async def test_a_signal_of_the_temporal_command_is_as_good(runs: Runs, temporal: TemporalCommand) -> None:
    run = await start_review(runs)
    pause = await run.pause()
    payload = {"v": 1, "pause": pause.id, "digest": pause.digest, "outcome": "accept", "by": "bob"}
    await temporal.signal(run.handle.id, {**payload, "data": {"why": "fine"}})
    view = await run.closed()
    check_output(view, {"why": "fine"})
    assert view.output["said"]["by"] == "claimed:bob"


async def test_the_result_tells_the_whole_run(runs: Runs) -> None:
    run = await start_review(runs)
    await run.answer("accept", data={"why": "good"})
    view = await run.closed()
    assert (view.graph, view.version, view.tenant, view.id) == ("review", "1.2.0", "default", run.handle.id)
    ended = {node.activation: node.status for node in view.nodes}
    assert ended["split#1[1]/read#1"] == "ok"
    assert ended["split#1[1]/check#1"] == "ok"
    assert ended["accept#1"] == "ok"
    assert view.usage.tool_calls == 4
    assert view.usage.tokens > 0
    assert view.pauses == ()
    assert view.ended_at is not None
    assert set(view.state) == {"files", "texts", "said"}


async def test_queries_show_a_run_that_waits(runs: Runs) -> None:
    run = await start_review(runs)
    await run.pause()
    view, (pause,) = await run.view(), await run.pauses()
    assert (view.phase, view.pauses) == ("waiting", (pause,))
    assert [node.node for node in view.nodes if node.status == "waiting"] == ["accept"]
    assert view.budget["lifetime"].used["tool_calls"] == 4


async def test_activity_types_are_what_is_called_and_summaries_say_where(runs: Runs) -> None:
    run = await start_review(runs)
    await run.answer("accept", data={"why": "good"})
    await run.closed()
    said = {}
    for event in (await run.handle.fetch_history()).events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            said[json.loads(event.user_metadata.summary.data)] = scheduled.activity_type.name
    assert said["list#1 *.txt"] == "fs.glob"
    assert said["split#1[0]/read#1 a.txt"] == "fs.read"
    assert said["sum#1 (default)"] == "model.scripted"


async def test_a_run_started_by_the_command_line_is_named_in_lists(runs: Runs) -> None:
    cluster = Cluster(runs.client, runs.task_queue, "")
    what = Start(graph=yaml.safe_load(REVIEW), input={"pattern": "*"}, tenant=None, key=runs.key())
    run = Run(runs.client.get_workflow_handle((await start(cluster, what)).id), runs.client)
    await run.pause()
    found = await run.handle.describe()
    assert await found.static_summary() == "review@1.2.0"
    await run.handle.cancel()


async def test_search_attributes_follow_the_run(runs: Runs) -> None:
    run = await start_review(runs)
    await run.pause()

    async def attributes() -> dict[str, Any]:
        found = (await run.handle.describe()).typed_search_attributes
        return {pair.key.name: pair.value for pair in found if pair.key.name.startswith("Detent")}

    open_run = await attributes()
    assert {open_run["DetentGraph"], open_run["DetentTenant"]} == {"review", "default"}
    assert (open_run["DetentPhase"], open_run["DetentPending"]) == ("waiting", 1)
    await run.answer("accept", data={"why": "good"})
    await run.closed()
    closed = await attributes()
    assert (closed["DetentPhase"], closed["DetentPending"]) == ("completed", 0)
    assert closed["DetentTokens"] > 0


def answers_in(details: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in re.findall(r"^\{.*\}$", details, re.MULTILINE)]
    return [value for value in found if "outcome" in value]  # the arguments of a call may stand on one line too


FORM = {
    "type": "object",
    "required": ["why", "n", "kind", "tags"],
    "properties": {
        "why": {"type": "string"},
        "n": {"type": "integer"},
        "kind": {"enum": ["a", "b"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "additionalProperties": False,
}
PAY = tool("pay", "end", {"usd": 1, "seconds": 5}, timeout="100ms")


@pytest.mark.parametrize(
    ("node", "outcome"),
    [
        (human("yes", "no", to="end"), "yes"),
        (human("yes", "no", to="end", form=FORM), "no"),
        (human("yes", "no", to="end", form={"type": "string"}), "yes"),
        (human("yes", "no", to="end", form={"properties": {"why": {"type": "string"}}}), "yes"),
        (tool("risky", "end"), "approve"),
        (tool("risky", "end", {"value": "x" * 20_000}), "approve"),
        (tool("flaky", "end", {"file": "none"}), "skip"),
        (PAY, "complete"),
    ],
    ids=["plain", "form", "text", "optional", "risky", "long arguments", "failed", "uncertain"],
)
async def test_the_page_holds_json_that_really_answers(
    runs: Runs, temporal: TemporalCommand, node: dict[str, object], outcome: str
) -> None:
    run = await runs.start(graph_of({"act": node}))
    pause = await run.pause()
    details = (await temporal.metadata(run.handle.id))["currentDetails"]
    assert f"{pause.id} waits for you" in details
    offered = {answer["outcome"]: answer for answer in answers_in(details)}
    assert tuple(offered) == pause.outcomes
    await temporal.signal(run.handle.id, offered[outcome])
    view = await run.closed()
    assert (view.phase, view.refusals) == ("completed", ())


async def test_the_page_is_renewed_after_an_answer_that_starts_no_call(runs: Runs, temporal: TemporalCommand) -> None:
    nodes = {"first": human("yes", to="second"), "second": human("yes", to="end", ask="And now?")}
    run = await runs.start(graph_of(nodes))
    await run.answer("yes")
    details = (await temporal.metadata(run.handle.id))["currentDetails"]
    assert "p2 waits for you" in details
    assert "p1 waits for you" not in details
    assert [answer["pause"] for answer in answers_in(details)] == ["p2"]


@pytest.mark.parametrize("evil", ["```\n# gone\n```", "**bold** <img src=x>", "\u202etxt.exe", "| a | b |"])
async def test_text_from_outside_is_no_markup_on_the_page(runs: Runs, temporal: TemporalCommand, evil: str) -> None:
    run = await runs.start(graph_of({"ask": human("yes", to="end", ask=evil, show=evil)}))
    await run.pause()
    details = (await temporal.metadata(run.handle.id))["currentDetails"]
    unfenced = re.sub(r"^(`{3,})\n.*?^\1$", "", details, flags=re.MULTILINE | re.DOTALL)
    outside = re.sub(r"\\[^\w\s]", "", unfenced)  # what is escaped is text
    assert "# gone" not in outside
    assert "| a |" not in outside
    assert "**bold**" not in outside
    assert "<" not in outside
    assert "\u202e" not in details


async def test_the_definition_lists_what_people_may_send(runs: Runs, temporal: TemporalCommand) -> None:
    run = await start_review(runs)
    await run.pause()
    definition = (await temporal.metadata(run.handle.id))["definition"]
    sent = ["answer", "cancel", "cancel_call", "pause", "repin", "resume", "steer"]
    assert [one["name"] for one in definition["updateDefinitions"]] == sent
    assert all(one["description"] for one in definition["updateDefinitions"] + definition["signalDefinitions"])


async def test_a_run_that_the_graph_fails_keeps_its_view_in_the_failure(runs: Runs) -> None:
    run = await start_review(runs)
    await run.answer("reject", data={"why": "bad"})
    failure = await run.failure()
    assert (failure.type, failure.non_retryable) == ("FailReached", True)
    view = await run.closed()
    assert view.phase == "failed"
    assert view.error is not None
    assert view.error.type == "FailReached"
    assert view.state["texts"] == ["one", "three"]
