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
