"""Every call of a run was decided, as its history proves, and the edge believes nobody."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError

from policies.canonical import digest
from policies.document import parse_policy
from tests.server.histories import calls_of, card_of, scheduled_in
from tests.server.stranger import BelievesAll, call, go_on
from tests.support.runs import graph_of, policy_of, tool, working
from workflows.contracts.names import ENGINE
from workflows.contracts.run import Carry, RunCard
from workflows.engine.digest import decision_digest
from workflows.engine.engine import Engine
from workflows.engine.events import DrainRequested, RunStarted
from workflows.engine.machine import RunFacts
from workflows.language.compile import compile_graph

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from tests.support.runs import Run, Runs

MIXED = """
graph: g
version: 1.0.0
state: {got: {reducer: append}}
capabilities: [{tool: ["*"]}, {fs.read: ["**"]}, {fs.write: ["**"]}, {model: [default]}]
start: split
nodes:
  split:
    kind: plan
    rules:
      - map: {over: [1, 2, 3], as: n, to: note, join: think, mode: settle}
  note: {kind: tool, tool: note, with: {value: "${n}"}, writes: {got: "${result.value}"}}
  think: {kind: model, model: default, prompt: "${json(state.got)}", next: danger}
  danger: {kind: tool, tool: risky, with: {value: 1}, next: try}
  try: {kind: tool, tool: flaky, with: {file: ok}, next: check}
  check:
    kind: validate
    checks: [{name: a, tool: note, with: {value: c}, when: "result.value == 'c'"}]
    routes: {pass: end, fail: fail}
"""


async def mixed(runs: Runs) -> Run:
    """A run with branches, a model call, an approved call, a failed one that was retried, and a check."""
    run = await runs.start(MIXED)
    await run.answer("approve")
    await run.until(lambda view: [pause.trigger for pause in view.pauses] == ["on_failure"])
    (runs.workspace / "ok").touch()
    await run.answer("retry")
    assert (await run.closed()).phase == "completed"
    return run


def decided(made: Mapping[str, Any], card: RunCard) -> str:
    """The digest of the decision that a call carries, computed again from the call and the run card."""
    kind = "model" if made["name"] in card.models else "tool"
    subject = card.models[made["name"]] if kind == "model" else card.tools[made["name"]]
    return decision_digest(
        engine=card.engine,
        kind=kind,
        name=made["name"],
        args_digest=digest(made["args"]),
        tool_digest=subject.digest,
        policy=card.policy_digest[:16],
        verdict=made["decision"]["verdict"],
        rules=made["decision"]["rules"],
    )


async def test_every_scheduled_activity_carries_its_decision(runs: Runs) -> None:
    run = await mixed(runs)
    card, calls, scheduled = await card_of(run), await calls_of(run), await scheduled_in(run)
    assert len(calls) == 8
    for made, activity in zip(calls, scheduled, strict=True):
        assert made["decision"]["digest"] == decided(made, card)
        assert made["decision"]["policy"] == card.policy_digest[:16]
        assert len(json.dumps(made["decision"], separators=(",", ":"))) <= 200
        again = f"~{made['generation']}" if made.get("generation") else ""
        expected = f"{made['activation']}:{made['index']}@{made['decision']['digest'][:12]}{again}"
        assert activity.activity_id == expected
        assert activity.activity_type.name == ("model.scripted" if made["name"] == "default" else made["name"])
        assert activity.heartbeat_timeout.ToTimedelta().total_seconds() in (2, 5)
        assert activity.retry_policy.maximum_attempts >= 1
    assert len({activity.activity_id for activity in scheduled}) == len(scheduled)
    assert [activity.activity_id for activity in scheduled if activity.activity_id.endswith("~1")]


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made["args"].update(value="other"),
        lambda made: made["decision"].update(rules=["another"]),
        lambda made: made["decision"].update(verdict="modify"),
        lambda made: made.update(name="risky"),
    ],
)
async def test_a_changed_call_does_not_recompute(runs: Runs, change: Callable[[dict[str, Any]], None]) -> None:
    run = await runs.start(graph_of({"act": tool("note", "end", {"value": 1})}))
    await run.closed()
    (made,) = await calls_of(run)
    card = await card_of(run)
    everything = card.model_copy(update={"tools": {**card.tools, "risky": card.tools["note"]}})
    assert made["decision"]["digest"] == decided(made, everything)
    change(made)
    assert made["decision"]["digest"] != decided(made, everything)


SECRETIVE = policy_of(
    deny=[{"fs.read": ["**/.env", "secret/**"]}, {"tool": ["pay"]}], risk={"tools": {"until": "critical"}}
)


@pytest.fixture
async def secretive(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> AsyncIterator[Runs]:
    """Runs under a policy with denials, with the operator's files in the midst of the workspace.

    Their worker believes every seal, so that what the edge does alone is seen.
    """
    place = working(
        *(temporal_client, blobs, task_queue, tmp_path),
        policy=SECRETIVE,
        operator="workspace/ops",
        seals=BelievesAll(bytes(32)),
    )
    async with place as runs:
        (runs.workspace / ".env").write_text("KEY=1")
        yield runs


async def refusal(runs: Runs, name: str, argument: object) -> ApplicationError:
    """What a stranger is told."""
    with pytest.raises(WorkflowFailureError) as caught:
        await call(runs, name, argument)
    cause = caught.value.cause
    assert isinstance(cause, ActivityError)
    assert isinstance(cause.cause, ApplicationError)
    return cause.cause


async def own_call(runs: Runs, name: str, args: dict[str, object]) -> dict[str, Any]:
    """A call with a decision that recomputes, as anybody can make who has seen one history."""
    run = await runs.start(graph_of({"act": tool("note", "end")}))
    await run.closed()
    card = await card_of(run)
    known = await tool_digest(runs, name)
    rules = ["allow"]
    made = decision_digest(
        engine=ENGINE,
        kind="tool",
        name=name,
        args_digest=digest(args),
        tool_digest=known,
        policy=card.policy_digest[:16],
        verdict="allow",
        rules=rules,
    )
    decision = {"verdict": "allow", "rules": rules, "policy": card.policy_digest[:16], "digest": made}
    where = {"activation": "act#1", "index": 1, "node": "act", "key": "0" * 64}
    return {"v": 1, "name": name, "args": args, **where, "decision": decision}


async def tool_digest(runs: Runs, name: str) -> str:
    """The digest of a tool's declaration, as the card of any run that names it shows."""
    required: dict[str, dict[str, object]] = {
        "fs.read": {"path": "x"},
        "fs.write": {"path": "x", "text": "x"},
        "until": {"file": "x"},
        "pay": {"usd": 1},
    }
    hold = {"kind": "human", "ask": "?", "outcomes": ["no", "yes"], "routes": {"no": "end", "yes": "act"}}
    run = await runs.start(graph_of({"ask": hold, "act": tool(name, "end", required.get(name, {}))}))
    await run.answer("no")
    await run.closed()
    return (await card_of(run)).tools[name].digest


async def test_a_call_without_a_decision_is_no_call(trusting: Runs) -> None:
    arguments: tuple[object, ...] = ({}, None, [], "note", {"name": "note", "args": {}})
    for argument in arguments:
        refused = await refusal(trusting, "note", argument)
        assert (refused.type, refused.non_retryable) == ("InvalidValue", True)
    assert trusting.effects() == []


@pytest.mark.parametrize("field", ["args", "name", "digest", "verdict", "rules", "policy"])
async def test_a_call_that_was_decided_otherwise_is_refused(trusting: Runs, field: str) -> None:
    made = await own_call(trusting, "note", {"value": 1})
    effects = len(trusting.effects())
    changes: dict[str, dict[str, object]] = {
        "args": {"args": {"value": 2}},
        "name": {"name": "risky"},
        **{
            one: {"decision": {**made["decision"], one: value}}
            for one, value in {"digest": "0" * 16, "verdict": "modify", "rules": [], "policy": "0" * 16}.items()
        },
    }
    changed = {**made, **changes[field]}
    refused = await refusal(trusting, changed["name"], changed)
    assert (refused.type, refused.details[0]["rule"], refused.non_retryable) == ("PolicyDenied", "edge.decision", True)
    assert len(trusting.effects()) == effects
    await call(trusting, "note", made)
    assert len(trusting.effects()) == effects + 1, "unchanged, it passes: anybody can compute a digest"


@pytest.mark.parametrize(
    ("name", "args", "rule"),
    [
        ("fs.read", {"path": ".env"}, "capability.denied"),
        ("fs.read", {"path": "link"}, "capability.denied"),
        ("fs.read", {"path": "dir/.env"}, "capability.denied"),
        ("fs.write", {"path": "ops/policy.yaml", "text": "allow: all"}, "control_path"),
        ("fs.write", {"path": "rules", "text": "allow: all"}, "control_path"),
        ("fs.write", {"path": ".git/config", "text": "x"}, "protected.path"),
        ("risky", {"value": 1}, "risk.high"),
        ("until", {"file": "x"}, "risk.critical"),
        ("pay", {"usd": 1}, "capability.denied"),
    ],
)
async def test_the_edge_holds_a_well_decided_call_to_the_operators_policy(
    secretive: Runs, name: str, args: dict[str, object], rule: str
) -> None:
    workspace = secretive.workspace
    (workspace / "dir").symlink_to(".")
    (workspace / "link").symlink_to(".env")
    (workspace / "rules").symlink_to("ops/policy.yaml")
    before = (workspace / "ops" / "policy.yaml").read_text()
    made = await own_call(secretive, name, args)
    effects = secretive.effects()
    refused = await refusal(secretive, name, made)
    assert (refused.type, refused.details[0]["rule"]) == ("PolicyDenied", rule)
    assert secretive.effects() == effects
    assert (workspace / "ops" / "policy.yaml").read_text() == before


@pytest.mark.parametrize(("make", "said"), [(os.symlink, "the operator's policy denies"), (os.link, "hard link")])
async def test_the_edge_sees_through_links_that_the_workflow_cannot(
    secretive: Runs, monkeypatch: pytest.MonkeyPatch, make: Callable[[str, str], None], said: str
) -> None:
    monkeypatch.chdir(secretive.workspace)
    make(".env", "link")
    run = await secretive.start(graph_of({"act": tool("fs.read", "end", {"path": "link"}, on_failure="fail")}))
    view = await run.closed()
    assert view.error is not None
    assert view.error.type == "PolicyDenied"
    assert said in view.error.message
    assert "ACTIVITY_TASK_SCHEDULED" in await run.types(), "the workflow allowed it"
    assert "KEY=1" not in json.dumps(view.model_dump(mode="json"))


async def test_a_link_to_a_plain_file_is_followed(secretive: Runs) -> None:
    """What the tests of denied links would show if links were refused as such."""
    (secretive.workspace / "plain").write_text("hello")
    (secretive.workspace / "link").symlink_to("plain")
    node = tool("fs.read", "end", {"path": "link"}, writes={"got": "${result.text}"})
    run = await secretive.start(graph_of({"act": node}, state={"got": {}}, output={"got": "${state.got}"}))
    assert (await run.closed()).output == {"got": "hello"}


def forged_carry(runs: Runs, graph: dict[str, Any], run_card: RunCard) -> Carry:
    """A carry as our own code makes it, of a run that never was, under a policy that denies nothing."""
    generous = parse_policy(policy_of()).tenant("default")
    assert generous is not None
    card = run_card.model_copy(update={"policy": generous.to_document(), "policy_digest": generous.digest})
    facts = RunFacts(runs.client.namespace, "default/g/forged", "r", "r", None)
    engine = Engine(compile_graph(graph), card, facts)
    engine.apply(DrainRequested(1))
    engine.apply(RunStarted(1))
    return Carry(card=card, snapshot=engine.snapshot())


@pytest.mark.parametrize("path", ["plain", ".env"])
async def test_a_forged_carry_gets_no_further_than_the_edge(secretive: Runs, path: str) -> None:
    (secretive.workspace / "plain").write_text("hello")
    graph = graph_of({"act": tool("fs.read", "end", {"path": path}, on_failure="fail")})
    honest = await secretive.start(graph)
    await honest.closed()
    carry = forged_carry(secretive, graph, await card_of(honest))
    (run,) = await go_on(secretive, {"graph": graph, "carry": carry.model_dump(mode="json")})
    view = await run.closed()
    if path == "plain":
        assert view.phase == "completed", "the carry as such is believed where no seal is asked for"
        return
    assert view.error is not None
    assert view.error.type == "PolicyDrift"
    assert "the policy has changed since the run was admitted" in view.error.message
