"""Every reason to ask has its own words, and several reasons are one question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.asking import RISKY, only, people, refused, run_under, sent, taken
from workflows.engine.offers import raisable

if TYPE_CHECKING:
    from tests.support.simulator import Simulator

WRITE: dict[str, Any] = {
    "graph": "write",
    "version": "1.0.0",
    "capabilities": [{"tool": ["fs.write"]}, {"fs.write": ["**"]}],
    "start": "put",
    "nodes": {"put": {"kind": "tool", "tool": "fs.write", "with": {"path": "out/a", "text": "t"}, "next": "end"}},
}
ALLOW = [{"tool": ["**"]}, {"model": ["*"]}]
ON_CAPABILITY = {"on_capability": {"deadline": "1h"}}
ON_BUDGET = {"on_budget": {"deadline": "1h"}}


def lacking(**policy: Any) -> Simulator:
    """A run that wants to write where only a person may let it."""
    base: dict[str, Any] = {
        "allow": ALLOW,
        "grantable": [{"fs.write": ["out/**"]}],
        "triggers": ON_CAPABILITY,
        "protected": [],
    }
    return run_under(WRITE, **{**base, **policy})


def test_grant_gives_the_run_what_it_lacks_and_the_call_shows_it() -> None:
    run = lacking()
    pause = only(run)
    assert (pause.outcomes, pause.lacks, pause.signed) == (("grant", "deny"), ("fs.write:out/a",), True)
    taken(run, "p1", "grant", "ada")
    (call,) = sent(run)
    (grant,) = call["grants"]
    assert (grant["outcome"], grant["by"], grant["asked"]["pause_id"]) == ("grant", "ada", "p1")
    assert call["permit"]["triggers"] == ["on_capability"]


def test_grant_holds_for_the_run_but_not_for_more_than_was_shown() -> None:
    nodes = {
        name: {"kind": "tool", "tool": "fs.write", "with": {"path": path, "text": "t"}, "next": to}
        for name, path, to in (("one", "out/a", "two"), ("two", "out/a", "three"), ("three", "out/b", "end"))
    }
    run = lacking()
    run = run_under(
        {**WRITE, "start": "one", "nodes": nodes},
        allow=ALLOW,
        grantable=[{"fs.write": ["out/**"]}],
        triggers=ON_CAPABILITY,
        protected=[],
    )
    taken(run, "p1", "grant", "ada")
    run.say("ok one#1:1")
    run.say("ok two#1:1")
    assert [call["node"] for call in sent(run)] == ["one", "two"]
    assert only(run).lacks == ("fs.write:out/b",)


def test_denied_grant_fails_the_node() -> None:
    run = lacking()
    taken(run, "p1", "deny", "ada")
    error = run.engine.view().error
    assert error is not None
    assert (error.type, error.message) == ("Declined", "ada answered p1 with `deny`")


def test_grant_that_has_expired_is_asked_for_again() -> None:
    run = lacking()
    run.say("hold")
    taken(run, "p1", "grant", "ada")
    run.say("+3600001 lift")
    assert [pause.id for pause in run.engine.pauses()] == ["p2"]
    assert run.every_call == []


def counted(limit: int = 4, **policy: Any) -> Simulator:
    """A run whose second tool call reaches the rung at which people are asked."""
    nodes = {
        name: {"kind": "tool", "tool": "keep", "with": {"x": index}, "next": to}
        for index, (name, to) in enumerate((("one", "two"), ("two", "three"), ("three", "four"), ("four", "end")))
    }
    budgets = {
        "lifetime": {"tool_calls": limit, "tokens": None, "cost_usd": None, "steps": None, "wall_clock": None},
        "ladder": {"warn": None, "downshift": None, "ask": 0.5},
        "max_raise": {"tool_calls": 4},
    }
    graph = {**RISKY, "capabilities": [{"tool": ["keep"]}], "start": "one", "nodes": nodes}
    run = run_under(graph, **{"budgets": budgets, "triggers": ON_BUDGET, **policy})
    run.say("ok one#1:1")
    return run


def calls(run: Simulator) -> list[str]:
    return [call["node"] for call in sent(run)]


def test_continue_lets_the_rung_pass_for_good() -> None:
    run = counted()
    pause = only(run)
    assert pause.outcomes == ("continue", "raise", "abort")
    assert pause.budget == {"rungs": ["lifetime.tool_calls.ask"], "max_raise": {"tool_calls": 4}}
    taken(run, "p1", "continue", "ada")
    run.say("ok two#1:1")
    assert calls(run) == ["one", "two", "three"]
    assert "permit" not in sent(run)[1]


def test_raise_gives_more_and_asks_again_when_that_runs_low() -> None:
    run = counted()
    taken(run, "p1", "raise", "ada", data={"tool_calls": 2})
    assert run.engine.view().budget["lifetime"].limit["tool_calls"] == 6
    run.say("ok two#1:1")
    assert only(run).budget == {"rungs": ["lifetime.tool_calls.ask"], "max_raise": {"tool_calls": 2}}
    why = refused(run, "p2", "raise", "ada", data={"tool_calls": 3})
    assert why == "`tool_calls`: that is more than `budgets.max_raise` leaves"
    taken(run, "p2", "raise", "ada", data={"tool_calls": 2})
    run.say("ok three#1:1")
    assert only(run).outcomes == ("continue", "abort"), "nothing is left to raise"


@pytest.mark.parametrize("data", [None, {}, {"tool_calls": -1}, {"tokens": "many"}, {"hats": 1}, [1], 3])
def test_raise_without_amounts_is_refused(data: object) -> None:
    assert "how much more of what" in refused(counted(), "p1", "raise", "ada", data=data)


def test_raise_of_what_the_run_has_no_limit_of_is_refused() -> None:
    assert "more than `budgets.max_raise` leaves" in refused(counted(), "p1", "raise", "ada", data={"steps": 1})


def test_abort_ends_the_run() -> None:
    run = counted()
    taken(run, "p1", "abort", "ada")
    assert run.engine.view().phase == "aborted"


def test_raise_is_not_offered_where_nobody_signs() -> None:
    assert only(counted(answerers=people(signed=False))).outcomes == ("continue", "abort")


def model_run(**policy: Any) -> Simulator:
    """A run whose model call reaches the rung, and could do with a shorter answer."""
    budgets = {
        "execution": {"tokens": None, "cost_usd": None, "wall_clock": None},
        "lifetime": {"tokens": 2000, "cost_usd": None, "steps": None, "wall_clock": None, "tool_calls": None},
        "ladder": {"warn": None, "downshift": None, "ask": 0.5},
    }
    graph = {
        **RISKY,
        "capabilities": [{"model": ["*"]}],
        "nodes": {"act": {"kind": "model", "model": "default", "prompt": "hello", "next": "end"}},
    }
    return run_under(graph, **{"budgets": budgets, "triggers": ON_BUDGET, **policy})


def test_reduce_asks_for_the_shortest_answer() -> None:
    run = model_run()
    assert only(run).outcomes == ("continue", "reduce", "abort")
    taken(run, "p1", "reduce", "ada")
    (call,) = sent(run)
    assert call["args"]["max_tokens"] == 256


def test_rule_that_asks_is_latched_by_continue_and_one_that_repeats_is_not() -> None:
    nodes = {
        name: {"kind": "tool", "tool": "keep", "with": {"x": index}, "next": to}
        for index, (name, to) in enumerate((("one", "two"), ("two", "end")))
    }
    graph = {**RISKY, "capabilities": [{"tool": ["keep"]}], "start": "one", "nodes": nodes}
    when = "execution.kind == 'tool'"
    rules = [{"id": "once", "when": when, "then": "ask"}, {"id": "always", "when": when, "then": "ask", "repeat": True}]
    run = run_under(graph, guardrails=rules, triggers={"on_guardrail": {}})
    assert only(run).outcomes == ("continue", "abort")
    taken(run, "p1", "continue", "ada")
    run.say("ok one#1:1")
    assert "always" in only(run).ask
    assert "once" not in only(run).ask
    taken(run, "p2", "continue", "ada")
    assert calls(run) == ["one", "two"]


def merged(**triggers: object) -> Simulator:
    """A run whose one call is risky, protected, and beyond what the run may do."""
    graph = {
        **WRITE,
        "capabilities": [{"tool": ["fs.write"]}],
        "nodes": {"put": {"kind": "tool", "tool": "fs.write", "with": {"path": ".git/a", "text": "t"}, "next": "end"}},
    }
    rules = {"on_risky_tool": {}, "on_protected_path": {}, "on_capability": {}, **triggers}
    return run_under(graph, triggers=rules, risk={"tools": {"fs.write": "high"}})


def test_all_that_is_asked_is_one_question() -> None:
    run = merged()
    pause = only(run)
    assert pause.triggers == ("on_capability", "on_protected_path", "on_risky_tool")
    assert (pause.outcomes, pause.lacks) == (("approve", "deny"), ("fs.write:.git/a",))
    taken(run, "p1", "approve", "ada")
    (call,) = sent(run)
    assert call["permit"]["triggers"] == list(pause.triggers)


def test_merged_question_offers_abort_where_one_of_them_does() -> None:
    rule = {"id": "no", "when": "execution.kind == 'tool'", "then": "ask"}
    run = run_under(RISKY, guardrails=[rule], triggers={"on_risky_tool": {}, "on_guardrail": {}})
    assert only(run).outcomes == ("approve", "deny", "abort")
    taken(run, "p1", "approve", "ada")
    assert len(run.every_call) == 1


def test_merged_question_goes_to_whoever_may_answer_all_of_it() -> None:
    run = merged(
        on_risky_tool={"answerers": ["role:operator", "dee"]},
        on_protected_path={"answerers": ["role:lead", "role:finance"], "quorum": 2},
        on_capability={"not_starter": True},
    )
    error = run.engine.view().error
    assert error is not None, "not_starter needs a signed start"
    assert "nobody signed its start" in error.message
    run = merged(
        on_risky_tool={"answerers": ["role:operator", "dee"]},
        on_protected_path={"answerers": ["role:lead", "role:finance"], "quorum": 2},
    )
    pause = only(run)
    assert pause.answerers == (
        "role:lead&role:operator",
        "role:lead&dee",
        "role:finance&role:operator",
        "role:finance&dee",
    )
    assert pause.quorum == 2
    assert "not among those who may" in refused(run, "p1", "approve", "bob")
    assert taken(run, "p1", "approve", "ada").waits_for == 1
    assert taken(run, "p1", "approve", "cy").waits_for == 0
    assert len(run.every_call) == 1


def test_call_that_nobody_could_let_pass_is_refused() -> None:
    run = merged(on_risky_tool={"answerers": ["dee"]}, on_protected_path={"answerers": ["role:lead"]})
    error = run.engine.view().error
    assert error is not None
    assert (error.type, run.engine.pauses()) == ("PolicyDenied", [])
    assert "the operator's policy knows 0 who may answer and can sign" in error.message


def test_silence_of_a_merged_question_is_that_of_the_first_to_act() -> None:
    run = merged(on_risky_tool={"deadline": "2h"}, on_protected_path={"deadline": "1h", "on_timeout": "abort"})
    pause = only(run)
    assert pause.on_timeout == "abort"
    run.say("+3600000 timer pause:p1")
    assert run.engine.view().phase == "aborted"


def test_word_that_a_merged_question_does_not_offer_means_no() -> None:
    budgets = {
        "lifetime": {"tool_calls": 2, "tokens": None, "cost_usd": None, "steps": None, "wall_clock": None},
        "ladder": {"warn": None, "downshift": None, "ask": 0.5},
    }
    triggers = {"on_risky_tool": {}, "on_budget": {"deadline": "1m", "on_timeout": "reduce"}}
    run = run_under(RISKY, budgets=budgets, triggers=triggers)
    assert (only(run).outcomes, only(run).on_timeout) == (("approve", "deny", "abort"), "deny")


def test_tenants_budget_is_not_the_runs_to_raise() -> None:
    run = counted()
    assert raisable(run.engine._m, [("lifetime.tool_calls", "ask")]) == {"tool_calls": 4}
    assert raisable(run.engine._m, [("tenant.tool_calls", "ask")]) == {}
