"""Values that are no JSON, too deep or too large for arithmetic fail a node and never the engine."""

from __future__ import annotations

from tests.support.cards import run_card
from tests.support.simulator import Simulator

HUGE = "1" + "0" * 400


def graph(nodes: dict[str, object], **more: object) -> dict[str, object]:
    """A graph that starts at its first node."""
    base: dict[str, object] = {"graph": "odd", "version": "1.0.0", "capabilities": [{"tool": ["pure"]}]}
    return {**base, "start": next(iter(nodes)), "nodes": nodes, **more}


def test_a_value_that_is_no_json_cannot_be_shown_to_a_person() -> None:
    node = {"kind": "human", "ask": "?", "show": "${input.x}", "outcomes": ["ok"], "routes": {"ok": "end"}}
    run = Simulator(graph({"go": node}), run_card(), {"x": {"y": "\ud800"}})
    run.say("start")
    assert "ExpressionFailed: the value is not JSON" in run.engine.pauses()[0].ask


def test_a_sum_of_a_double_and_a_huge_integer_fails_the_node() -> None:
    node = {"kind": "tool", "tool": "pure", "with": {"x": 1}, "writes": {"sum": "${result.y}"}}
    nodes: dict[str, object] = {"one": {**node, "next": "two"}, "two": {**node, "next": "end"}}
    run = Simulator(graph(nodes, state={"sum": {"reducer": "add"}}), run_card())
    run.say("start")
    run.say('ok one#1:1 {"y": 0.5}')
    run.say(f'ok two#1:1 {{"y": {HUGE}}}')
    assert "too large for a double" in run.engine.pauses()[0].ask


def growing(value: object, visits: int = 60) -> Simulator:
    """A loop that makes a channel of what it was."""
    loop = {"kind": "validate", "checks": [{"name": "c", "when": "1 < 2"}], "writes": {"x": value}, "max_visits": 99}
    again = {"kind": "plan", "rules": [{"when": f"visit > {visits}", "to": "end"}, {"to": "go"}], "max_visits": 99}
    nodes: dict[str, object] = {"go": {**loop, "routes": {"pass": "again", "fail": "again"}}, "again": again}
    run = Simulator(graph(nodes, state={"x": {"initial": "0123456789"}}), run_card())
    run.say("start")
    return run


def test_a_channel_that_doubles_with_every_visit_fails_the_node() -> None:
    assert "more than 1,048,576 bytes" in growing(["${state.x}", "${state.x}"]).engine.pauses()[0].ask


def test_a_channel_that_nests_deeper_with_every_visit_fails_the_node() -> None:
    assert "nested more than 48 deep" in growing({"x": "${state.x}"}).engine.pauses()[0].ask


def test_a_value_made_of_many_large_ones_fails_before_it_is_written_out() -> None:
    many = ["${input.x}"] * 50
    given = {"x": "y" * 100_000}
    opening = {"over": many, "as": "n", "to": "work", "join": "merge"}
    nodes: dict[str, object] = {
        "open": {"kind": "plan", "rules": [{"map": opening}]},
        "work": {"kind": "tool", "tool": "pure", "with": {"x": 1}},
        "merge": {"kind": "wait", "for": "1s", "next": "end"},
    }
    run = Simulator(graph(nodes), run_card(), {"x": "short"})
    run.say("start")
    assert run.engine.calls_in_flight == 16
    run = Simulator(graph(nodes), run_card(), given)
    run.say("start")
    assert "the value cannot be used: it has more than 1,048,576 bytes" in run.engine.pauses()[0].ask
    node = {"kind": "tool", "tool": "pure", "with": {"x": many}, "next": "end"}
    run = Simulator(graph({"go": node}), run_card(), given)
    run.say("start")
    assert "ResultTooLarge: arguments of `pure`" in run.engine.pauses()[0].ask


def test_an_output_that_is_too_large_fails_the_run_by_name() -> None:
    node = {"kind": "validate", "checks": [{"name": "c", "when": "1 < 2"}], "routes": {"pass": "end", "fail": "end"}}
    run = Simulator(graph({"go": node}, output=["${input.x}"] * 9), run_card(), {"x": "y" * 1_000_000})
    run.say("start")
    error = run.engine.view().error
    assert error is not None
    assert (error.type, error.message) == ("ResultTooLarge", "the graph's `output`: it has more than 8,388,608 bytes")


def test_calls_of_one_moment_fit_in_one_workflow_task() -> None:
    write = {"kind": "tool", "tool": "fs.write", "with": {"path": "${n}", "text": "${input.x}"}}
    opening = {"over": "${input.n}", "as": "n", "to": "work", "join": "merge", "max_concurrency": 200}
    nodes: dict[str, object] = {
        "open": {"kind": "plan", "rules": [{"map": opening}]},
        "work": write,
        "merge": {"kind": "wait", "for": "1s", "next": "end"},
    }
    asked: list[object] = [{"tool": ["fs.write"]}, {"fs.write": ["**"]}]
    names = [f"f{number}" for number in range(200)]
    run = Simulator(graph(nodes, capabilities=asked), run_card(), {"n": names, "x": "y" * 28_000})
    run.say("start")
    assert sum(len(str(call.payload)) for call in run.every_call) < 2.5 * 1024 * 1024
    for _ in range(3):
        run.say(f"ok {next(iter(run.calls))}")
    assert len(run.every_call) == 200


def test_no_interval_is_longer_than_the_longest() -> None:
    node = {"kind": "tool", "tool": "pure", "with": {"x": 1}, "retry": {"initial": "60s"}, "next": "end"}
    run = Simulator(graph({"go": node}), run_card())
    run.say("start")
    assert run.every_call[0].initial_s == run.every_call[0].max_interval_s == 60
