"""The engine's edges: limits, late events, and what a host may ask it."""

from __future__ import annotations

import pytest

from tests.support.cards import policy_document, run_card, tool_card
from tests.support.simulator import START_MS, Simulator
from workflows.contracts.run import NeedCard, NodeView
from workflows.engine import events
from workflows.engine.bindings import StateView
from workflows.engine.engine import Engine


def graph(nodes: dict[str, object], **more: object) -> dict[str, object]:
    """A graph that starts at its first node and may call the test tools."""
    return {
        "graph": "edges",
        "version": "1.0.0",
        "capabilities": [{"tool": ["pure", "keep", "pay"]}, {"model": ["default"]}],
        "start": next(iter(nodes)),
        "nodes": nodes,
        **more,
    }


def mapped(node: dict[str, object], *, concurrency: int, **more: object) -> dict[str, object]:
    """One branch per item of `input`."""
    opening = {"over": "${input.n}", "as": "n", "to": "work", "join": "merge", "max_concurrency": concurrency}
    nodes = {
        "open": {"kind": "plan", "rules": [{"map": opening}]},
        "work": node,
        "merge": {"kind": "plan", "rules": [{"to": "end"}]},
    }
    return graph(nodes, **more)


PURE: dict[str, object] = {"kind": "tool", "tool": "pure", "with": {"x": "${n}"}}


def test_at_most_200_calls_are_in_flight_and_the_rest_go_in_path_order() -> None:
    run = Simulator(mapped(PURE, concurrency=300), run_card(), {"n": list(range(205))})
    run.say("start")
    assert run.engine.calls_in_flight == len(run.calls) == 200
    run.say("ok open#1[7]/work#1:1")
    assert run.every_call[-1].call == "open#1[200]/work#1:1"
    assert run.engine.calls_in_flight == 200


def test_a_map_over_too_many_items_fails_its_plan() -> None:
    run = Simulator(mapped(PURE, concurrency=8), run_card(), {"n": list(range(10_001))})
    run.say("start")
    assert "10001 items; a map takes at most 10000" in run.engine.pauses()[0].ask


def test_a_large_fan_out_is_not_taken_for_a_runaway() -> None:
    run = Simulator(mapped({"kind": "wait", "for": "1s"}, concurrency=2000), run_card(), {"n": list(range(1500))})
    run.say("start")
    assert len(run.timers) == 1500


def test_models_behind_one_that_waits_for_budget_wait_too_and_tools_do_not() -> None:
    lifetime = {"tokens": 2500, "cost_usd": None, "steps": None, "wall_clock": None, "tool_calls": None}
    none = {"tokens": None, "cost_usd": None, "wall_clock": None}
    card = run_card(policy_document(budgets={"execution": none, "lifetime": lifetime}))
    model: dict[str, object] = {"kind": "model", "model": "default", "prompt": "hi"}
    nodes = {
        "open": {"kind": "plan", "rules": [{"fork": {"branches": ["a", "b", "c", "d", "e"], "join": "merge"}}]},
        "a": model,
        "b": model,
        "c": {**model, "max_tokens": 2000},
        "d": model,
        "e": {"kind": "tool", "tool": "pure", "with": {"x": 1}},
        "merge": {"kind": "wait", "for": "1s", "next": "end"},
    }
    run = Simulator(graph(nodes), card)
    run.say("start")
    assert sorted(run.calls) == ["open#1[0]/a#1:1", "open#1[1]/b#1:1", "open#1[4]/e#1:1"]
    run.say('ok open#1[0]/a#1:1 {"text": "", "tokens": 10}')
    run.say('ok open#1[1]/b#1:1 {"text": "", "tokens": 10}')
    assert "open#1[2]/c#1:1" in run.calls


def test_a_node_may_set_its_own_timeout_and_the_wall_clock_cuts_it() -> None:
    limits = {"execution": {"wall_clock": "3s"}}
    node = {"kind": "tool", "tool": "pure", "with": {"x": 1}, "timeout": "5s", "next": "end"}
    run = Simulator(graph({"go": node}), run_card(policy_document(budgets=limits)))
    run.say("start")
    assert (run.every_call[0].timeout_s, run.every_call[0].total_s) == (3.0, 3.0)
    run = Simulator(graph({"go": node}), run_card())
    run.say("start")
    assert (run.every_call[0].timeout_s, run.every_call[0].total_s) == (5.0, None)


def test_a_tool_that_may_not_be_repeated_gets_one_attempt() -> None:
    run = Simulator(graph({"go": {"kind": "tool", "tool": "pay", "with": {"usd": 1}, "next": "end"}}), run_card())
    run.say("start")
    assert run.every_call[0].max_attempts == 1
    assert not run.every_call[0].cancellable


@pytest.mark.parametrize(
    "late", ["ok x#1:1", "fail x#1:1 ToolFailed no", "cancelled x#1:1", "timer wait:x", "timer pause:p9"]
)
def test_an_event_about_something_unknown_changes_nothing(late: str) -> None:
    run = Simulator(graph({"go": {"kind": "tool", "tool": "pure", "with": {"x": 1}, "next": "end"}}), run_card())
    run.say("start")
    before = run.engine.view()
    assert run.say(late) == ["nothing"]
    assert run.engine.view().nodes == before.nodes


def test_steps_for_a_branch_that_was_cancelled_meanwhile_are_dropped() -> None:
    nodes = {
        "open": {"kind": "plan", "rules": [{"fork": {"branches": ["a", "b", "c"], "join": "merge"}}]},
        "a": {"kind": "plan", "rules": [{"to": "fail"}]},
        "b": {
            "kind": "validate",
            "checks": [{"name": "t", "when": "1 < 2"}],
            "routes": {"pass": "merge", "fail": "merge"},
        },
        "c": {"kind": "validate", "checks": [{"name": "t", "when": "1 < 2"}], "routes": {"pass": "d", "fail": "d"}},
        "d": {"kind": "wait", "for": "1s"},
        "merge": {"kind": "wait", "for": "1s", "next": "end"},
    }
    run = Simulator(graph(nodes), run_card())
    run.say("start")
    assert run.engine.view().phase == "failed"
    assert run.timers == {}


def test_a_branch_that_was_to_start_when_its_scope_failed_never_does() -> None:
    branches = {"branches": ["a", "b", "c"], "join": "merge", "max_concurrency": 2}
    nodes = {
        "open": {"kind": "plan", "rules": [{"fork": branches}]},
        "a": {"kind": "plan", "rules": [{"to": "merge"}]},
        "b": {"kind": "plan", "rules": [{"to": "fail"}]},
        "c": {"kind": "wait", "for": "1s"},
        "merge": {"kind": "wait", "for": "1s", "next": "end"},
    }
    run = Simulator(graph(nodes), run_card())
    run.say("start")
    assert run.engine.view().phase == "failed"


@pytest.mark.parametrize("text", ["x" * (1024 * 1024), "bad \ud800 text"])
def test_arguments_that_no_call_can_carry_fail_the_node(text: str) -> None:
    node = {"kind": "model", "model": "default", "prompt": "${input.n}", "next": "end", "on_failure": "fail"}
    run = Simulator(graph({"go": node}), run_card(), {"n": text})
    run.say("start")
    error = run.engine.view().error
    assert error is not None
    assert error.type in ("ResultTooLarge", "InvalidValue", "ExpressionFailed")
    assert run.every_call == []


def test_an_expression_that_fails_in_a_check_fails_the_node() -> None:
    checks = [{"name": "t", "tool": "pure", "with": {"x": 1}, "when": "result.missing > 1"}]
    node = {"kind": "validate", "checks": checks, "routes": {"pass": "end", "fail": "end"}}
    run = Simulator(graph({"go": node}), run_card())
    run.say("start")
    run.say('ok go#1:1 {"y": 1}')
    assert "ExpressionFailed" in run.engine.pauses()[0].ask


def test_the_whole_state_can_be_read_at_once() -> None:
    state = {"a": {"initial": 1}, "b": {}}
    node = {"kind": "human", "ask": "${json(state)}", "outcomes": ["ok"], "routes": {"ok": "end"}}
    run = Simulator(graph({"go": node}, state=state), run_card())
    run.say("start")
    assert run.engine.pauses()[0].ask == '{"a":1,"b":null}'
    assert run.engine.pauses_open == 1


def test_the_state_that_expressions_see_has_every_channel() -> None:
    run = Simulator(graph({"go": {"kind": "wait", "for": "1s", "next": "end"}}, state={"a": {}, "b": {}}), run_card())
    run.say("start")
    view = StateView(run.engine._m, run.engine._m.state.frames[""])
    assert (len(view), list(view)) == (2, ["a", "b"])


def test_a_run_knows_when_it_began() -> None:
    run = Simulator(graph({"a": {"kind": "wait", "for": "1s", "next": "end"}}), run_card())
    run.say("+30 start")
    run.say("+5 hold")
    assert run.engine.started_ms == START_MS + 30


def test_a_snapshot_of_another_version_is_refused() -> None:
    run = Simulator(graph({"go": {"kind": "wait", "for": "1s", "next": "end"}}), run_card())
    run.say("start")
    snapshot = {**run.engine.snapshot(), "v": 2}
    with pytest.raises(ValueError, match="version 2 is not 1"):
        Engine.restore(run.graph, run.card, run.facts, snapshot)


def test_a_restored_engine_goes_on_where_the_other_stopped() -> None:
    run = Simulator(mapped(PURE, concurrency=1), run_card(), {"n": [1, 2]})
    run.say("start")
    run.say("drain")
    run.say("ok open#1[0]/work#1:1")
    assert run.engine.calls_in_flight == 0
    restored = Engine.restore(run.graph, run.card, run.facts, run.engine.snapshot())
    given = restored.apply(events.CarryResumed(run.now_ms))
    assert [getattr(each, "call", None) for each in given] == ["open#1[1]/work#1:1"]


def test_an_expression_that_fails_after_a_failed_check_fails_the_node() -> None:
    checks = [
        {"name": "t", "tool": "pure", "with": {"x": 1}, "when": "result.y > 1"},
        {"name": "u", "when": "input.missing > 1"},
    ]
    node = {"kind": "validate", "checks": checks, "routes": {"pass": "end", "fail": "end"}}
    run = Simulator(graph({"go": node}), run_card(), {})
    run.say("start")
    run.say("fail go#1:1 ToolFailed no")
    assert "ExpressionFailed" in run.engine.pauses()[0].ask


def test_what_waits_for_a_person_does_nothing_when_its_deadline_says_so() -> None:
    node = {"kind": "human", "ask": "?", "outcomes": ["ok"], "routes": {"ok": "end"}, "deadline": "1h"}
    run = Simulator(graph({"go": {**node, "on_timeout": "keep_waiting"}}), run_card())
    run.say("start")
    assert run.timers == {}
    assert run.say("timer pause:p1") == ["nothing"]


def test_a_time_without_a_zone_is_refused() -> None:
    node = {"kind": "wait", "until": "2030-01-01 10:00:00", "next": "end", "on_failure": "fail"}
    run = Simulator(graph({"go": {**node, "until": "${input.at}"}}), run_card(), {"at": "2030-01-01 10:00:00"})
    run.say("start")
    error = run.engine.view().error
    assert error is not None
    assert "is not an RFC 3339 time" in error.message


def test_a_need_whose_argument_was_left_out_is_that_of_the_default() -> None:
    listing = tool_card("fs.list", {}, needs=(NeedCard(kind="fs.read", arg="path"),))
    schema = {"type": "object", "properties": {"path": {"type": "string", "default": "src"}}}
    card = run_card()
    card = card.model_copy(
        update={"tools": {**card.tools, "fs.list": listing.model_copy(update={"input_schema": schema})}}
    )
    node = {"kind": "tool", "tool": "fs.list", "with": {}, "next": "end"}
    asked = [{"tool": ["fs.list"]}, {"fs.read": ["src"]}]
    run = Simulator(graph({"go": node}, capabilities=asked), card)
    run.say("start")
    assert run.every_call[0].payload["args"] == {}
    narrow = Simulator(graph({"go": node}, capabilities=[{"tool": ["fs.list"]}, {"fs.read": ["other"]}]), card)
    narrow.say("start")
    assert narrow.every_call == []


def test_a_row_of_a_node_names_it_by_its_activation() -> None:
    row = {"activation": "split#2[3]/read#1", "started_at": "2026-01-01T00:00:00.000Z"}
    assert NodeView.model_validate(row).node == "read"
    assert NodeView.model_validate({**row, "node": "x"}).node == "x"


def test_a_toast_without_a_deadline_does_not_wait() -> None:
    policy = policy_document()
    policy["triggers"] = {"on_failure": {"ui": "toast", "on_timeout": "skip"}}
    node = {"kind": "tool", "tool": "pure", "with": {"x": 1}, "next": "end", "on_failure": "pause"}
    run = Simulator(graph({"go": node}), run_card(policy))
    run.say("start")
    rows = run.say("fail go#1:1 ToolFailed no")
    assert rows[0] == "timer pause:p1 in 1 ms"
    assert run.say("timer pause:p1")[-1] == "phase completed"
