"""A run that is routed again from what its visits came to goes the same way, whatever happened in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.call_records import CallLog
from cli.envelopes import Envelopes
from cli.executions import Executions
from cli.records import Header, Maker
from cli.retraced import Difference, retrace
from tests.support.cards import run_card
from tests.support.graphs import budgets, graphs
from tests.support.host import Host
from tests.support.simulator import Simulator
from workflows.contracts.records import Inline, LifetimeRecord
from workflows.engine import events
from workflows.engine.engine import Engine
from workflows.engine.machine import RunFacts
from workflows.engine.retracing import Came, Recorded, Retrace
from workflows.language.compile import compile_graph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflows.contracts.run import RunCard
    from workflows.engine.commands import Command
    from workflows.language.graph import Graph

SLOW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def followed(card: RunCard, facts: RunFacts, log: Sequence[events.Event], graph: Graph) -> Envelopes:
    """The records of a run that took in these events, as `detent records` would make them."""
    engine, seen = Engine(graph, card, facts), Executions()
    engine.follow(seen)
    for event in log:
        engine.apply(event)
    view = engine.view()
    common = {
        "graph": "random@1.0.0",
        "graph_digest": graph.digest,
        "lifetime_id": view.id,
        "run_id": "run-1",
        "first_run_id": "run-1",
        "tenant": "default",
    }
    nowhere: Any = None
    maker = Maker(seen, view, CallLog(nowhere, {}), Header(common, "default", "run-1"), nowhere)
    lifetime, *executions = asyncio.run(maker.records(facts.input, whole=seen.whole))
    assert isinstance(lifetime, LifetimeRecord)
    return Envelopes(lifetime, [one for one in executions if not isinstance(one, LifetimeRecord)])


class Logged(Simulator):
    """A run that remembers what it took in."""

    def __init__(self, document: dict[str, object], run_input: object = None) -> None:
        super().__init__(document, run_card(), run_input)
        self.log: list[events.Event] = []

    def feed(self, event: events.Event) -> list[Command]:
        """Apply one event and keep it."""
        self.log.append(event)
        return super().feed(event)


def played(nodes: dict[str, object], *lines: str, given: object = None, **more: object) -> tuple[Envelopes, Graph]:
    """The records of a run of these nodes in which this happened."""
    asked = [{"tool": ["**"]}, {"model": ["**"]}]
    document = {"graph": "g", "version": "1.0.0", "capabilities": asked, "start": next(iter(nodes)), "nodes": nodes}
    run = Logged({**document, **more}, given)
    for line in ("start", *lines):
        run.say(line)
    return followed(run.card, run.facts, run.log, run.graph), run.graph


def pure(to: str | None = None, **more: object) -> dict[str, object]:
    return {"kind": "tool", "tool": "pure", "with": {"x": 1}, **({} if to is None else {"next": to}), **more}


CHOOSE = {
    "one": pure("choose"),
    "choose": {"kind": "plan", "rules": [{"when": "result.y > 2", "to": "two"}, {"to": "three"}]},
    "two": pure("end"),
    "three": pure("end"),
}
FORK = {
    "open": {"kind": "plan", "rules": [{"fork": {"branches": ["a", "b"], "join": "last", "max_concurrency": 1}}]},
    "a": pure(on_failure="fail"),
    "b": pure(),
    "last": pure("end"),
}


@SLOW
@given(document=graphs(), limits=budgets(), seed=st.integers(0, 10_000))
def test_the_same_records_give_the_same_edges(
    document: dict[str, object], limits: dict[str, object], seed: int
) -> None:
    host = Host(document, seed, trouble=True, budgets=limits)
    host.play()
    graph = compile_graph(document)
    assert retrace(followed(host.run.card, host.run.facts, host.log, graph), graph) is None


@SLOW
@given(document=graphs(), seed=st.integers(0, 10_000), part=st.floats(0, 1))
def test_so_do_those_of_a_run_that_goes_on(document: dict[str, object], seed: int, part: float) -> None:
    host = Host(document, seed, trouble=True)
    host.play()
    graph = compile_graph(document)
    upto = 1 + int(part * len(host.log))
    assert retrace(followed(host.run.card, host.run.facts, host.log[:upto], graph), graph) is None


@pytest.mark.parametrize(
    ("nodes", "lines"),
    [
        pytest.param(CHOOSE, ('ok one#1:1 {"y": 3}', "ok two#1:1"), id="a plan"),
        pytest.param(CHOOSE, ('ok one#1:1 {"y": 3}', "cancel", "ok two#1:1"), id="cancelled"),
        pytest.param(CHOOSE, ("ok one#1:1 {}", "answer p1 abort"), id="a failed plan that ended the run"),
        pytest.param(CHOOSE, ("ok one#1:1 {}",), id="a failed plan that waits"),
        pytest.param(FORK, ("ok open#1[0]/a#1:1", "ok open#1[1]/b#1:1", "ok last#1:1"), id="branches in turn"),
        pytest.param(FORK, ("fail open#1[0]/a#1:1 ToolFailed",), id="a branch that never began"),
        pytest.param({"a": pure("fail")}, ("ok a#1:1",), id="a run that failed"),
        pytest.param({"a": pure("end", on_failure="pause")}, ("fail a#1:1 ToolFailed", "answer p1 skip"), id="skipped"),
    ],
)
def test_what_happened_is_routed_as_it_was(nodes: dict[str, object], lines: tuple[str, ...]) -> None:
    envelopes, graph = played(nodes, *lines)
    assert retrace(envelopes, graph) is None


def changed(envelopes: Envelopes, forged: str, fields: dict[str, object]) -> Envelopes:
    """The same records with one of them forged."""
    executions = [one.model_copy(update=fields) if one.activation == forged else one for one in envelopes.executions]
    return Envelopes(envelopes.lifetime, executions)


@pytest.mark.parametrize(
    ("activation", "fields", "found"),
    [
        ("one#1", {"result": Inline(inline={"y": 1})}, ("choose#1", "edge_taken", "two", "three")),
        ("choose#1", {"edge_taken": "three"}, ("choose#1", "edge_taken", "three", "two")),
        ("two#1", {"parents": ("run-1/one#1",)}, ("two#1", "parents", ["one#1"], ["choose#1"])),
        ("two#1", {"activation": "three#1"}, ("three#1", "parents", ["choose#1"], None)),
        ("two#1", {"status": "cancelled"}, ("two#1", "status", "cancelled", "running")),
    ],
)
def test_a_forged_record_is_the_first_difference(
    activation: str, fields: dict[str, object], found: tuple[object, ...]
) -> None:
    envelopes, graph = played(CHOOSE, 'ok one#1:1 {"y": 3}', "ok two#1:1")
    difference = retrace(changed(envelopes, activation, fields), graph)
    assert isinstance(difference, Difference)
    assert (difference.activation, difference.field, difference.recorded, difference.made) == found


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"input": Inline(inline={"y": 1})}, "output"),
        ({"output": Inline(inline={"said": 2})}, "output"),
        ({"phase": "failed"}, "phase"),
    ],
)
def test_a_run_that_ended_otherwise_is_a_difference(fields: dict[str, object], field: str) -> None:
    envelopes, graph = played({"a": pure("end")}, "ok a#1:1", given={"y": 3}, output={"said": "${input.y}"})
    assert retrace(envelopes, graph) is None
    lifetime = envelopes.lifetime.model_copy(update=fields)
    difference = retrace(Envelopes(lifetime, envelopes.executions), graph)
    assert difference is not None
    assert (difference.activation, difference.field) == (None, field)


def test_the_end_waits_where_the_run_itself_was_held() -> None:
    nodes = {**FORK, "open": {"kind": "plan", "rules": [{"fork": {"branches": ["a", "b"], "join": "last"}}]}}
    _, graph = played({**nodes, "a": pure("end")})
    first, second = "open#1[0]/a#1", "open#1[1]/b#1"
    recorded = Recorded(well={first: None, second: None}, branches=frozenset({"", "open#1[0]", "open#1[1]"}))
    run = Retrace(graph, RunFacts("", "default/g/1", "r", "r", None), "default", recorded, Executions())
    run.begin(0)
    phases = []
    for activation in (first, second):
        run.tell([Came(activation, "ok")])
        phases.append(run.ending and run.ending.phase)
    assert phases == [None, "completed"]


def test_an_execution_that_no_record_has_is_a_difference() -> None:
    envelopes, graph = played(CHOOSE, 'ok one#1:1 {"y": 3}')
    fewer = [one for one in envelopes.executions if one.activation != "two#1"]
    difference = retrace(Envelopes(envelopes.lifetime, fewer), graph)
    assert difference is not None
    assert (difference.activation, difference.field, difference.made) == ("two#1", "parents", ["choose#1"])


def test_a_join_descends_from_the_last_executions_of_its_branches() -> None:
    envelopes, _ = played(FORK, "ok open#1[0]/a#1:1", "ok open#1[1]/b#1:1", "ok last#1:1")
    found = {one.activation: one for one in envelopes.executions}
    assert found["last#1"].parents == ("run-1/open#1[0]/a#1", "run-1/open#1[1]/b#1")
    assert found["open#1[1]/b#1"].parents == ("run-1/open#1",)
    assert [found[name].edge_taken for name in ("open#1", "open#1[0]/a#1", "last#1")] == ["last", "last", "end"]


def test_an_agent_is_one_execution_whose_result_is_told() -> None:
    nodes: dict[str, object] = {
        "think": {"kind": "agent", "model": "default", "prompt": "go", "tools": ["pure"], "next": "choose"},
        **{name: node for name, node in CHOOSE.items() if name != "one"},
        "choose": {"kind": "plan", "rules": [{"when": "result.turns > 1", "to": "two"}, {"to": "three"}]},
    }
    turns = (
        'turn think#1:1 {"calls": [["pure", {"x": 1}]]}',
        "gave think#1:2 found",
        'turn think#1:3 {"text": "done"}',
    )
    envelopes, graph = played(nodes, *turns, "ok two#1:1")
    assert retrace(envelopes, graph) is None
    assert [one.activation for one in envelopes.executions] == ["think#1", "choose#1", "two#1"]
