"""A rule that pauses the lifetime holds every call until people let the run go on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.asking import RISKY, only, run_under, sent, taken
from tests.support.simulator import Simulator
from workflows.contracts.run import StarterCard


def fork(right: dict[str, Any], meet: dict[str, Any]) -> dict[str, Any]:
    """Two branches: a call, and what is given; then a node after both."""
    branches = [{"to": "left"}, {"to": "right"}]
    nodes = {
        "split": {"kind": "plan", "rules": [{"fork": {"branches": branches, "join": "meet"}}]},
        "left": {"kind": "tool", "tool": "keep", "with": {"x": 1}},
        "right": right,
        "meet": {**meet, "next": "end"},
    }
    return {**RISKY, "capabilities": [{"tool": ["keep", "pure"]}], "start": "split", "nodes": nodes}


PURE: dict[str, Any] = {"kind": "tool", "tool": "pure", "with": {"x": 2}}
LAST: dict[str, Any] = {"kind": "tool", "tool": "keep", "with": {"x": 3}}
FORK = fork(PURE, LAST)
BEFORE = {"id": "stop", "when": "execution.name == 'keep'", "then": "pause_lifetime", "message": "stop and look"}
AFTER = {"id": "used", "when": "execution.status == 'ok'", "then": "pause_lifetime", "message": "it ran"}
TWICE: dict[str, Any] = {
    **RISKY,
    "capabilities": [{"tool": ["keep"]}],
    "start": "one",
    "nodes": {
        "one": {"kind": "tool", "tool": "keep", "with": {"x": 1}, "next": "two"},
        "two": {"kind": "tool", "tool": "keep", "with": {"x": 2}, "next": "end"},
    },
}


def held(*rules: dict[str, Any], document: dict[str, Any] = TWICE, **policy: Any) -> Simulator:
    return run_under(document, guardrails=list(rules), **policy)


def calls(run: Simulator) -> list[str]:
    return [call["node"] for call in sent(run)]


def test_no_call_is_made_while_a_rule_holds_the_run() -> None:
    run = held(BEFORE, document=FORK)
    pause = only(run)
    assert (pause.node, pause.activation, pause.trigger, pause.outcomes) == (
        "",
        "",
        "on_guardrail",
        ("continue", "abort"),
    )
    assert pause.ask == "stop and look [guardrail.stop]"
    assert (calls(run), run.engine.phase) == ([], "waiting")
    taken(run, "p1", "continue", "ada")
    assert sorted(calls(run)) == ["left", "right"]


def test_time_that_the_run_is_held_is_not_its_own() -> None:
    run = held(BEFORE)
    run.say("+50000 hold")
    run.say("lift")
    taken(run, "p1", "continue", "ada")
    run.say("+5 ok one#1:1")
    assert run.engine.view().usage.elapsed_s < 1


def test_rule_is_silent_for_the_rest_of_the_run_once_people_said_continue() -> None:
    run = held(BEFORE)
    taken(run, "p1", "continue", "ada")
    run.say("ok one#1:1")
    assert calls(run) == ["one", "two"]


def test_rule_that_repeats_holds_the_run_at_each_call() -> None:
    run = held({**BEFORE, "repeat": True})
    taken(run, "p1", "continue", "ada")
    run.say("ok one#1:1")
    assert (calls(run), only(run).id) == (["one"], "p2")
    taken(run, "p2", "continue", "ada")
    assert calls(run) == ["one", "two"]


def test_abort_ends_the_run_as_the_policy_said() -> None:
    run = held(BEFORE)
    taken(run, "p1", "abort", "ada")
    view = run.engine.view()
    assert view.error is not None
    assert (view.phase, view.error.type, view.error.node) == ("aborted", "PolicyDenied", None)
    assert view.error.message == "ada answered p1 with `abort`: stop and look [guardrail.stop]"


def test_rule_that_judges_results_holds_the_run_after_the_call() -> None:
    run = held({**AFTER, "repeat": True}, document=FORK)
    run.say("ok split#1[0]/left#1:1")
    assert only(run).call is None
    taken(run, "p1", "continue", "ada")
    run.say("ok split#1[1]/right#1:1")
    assert only(run).id == "p2", "a rule that repeats holds it again"
    taken(run, "p2", "continue", "ada")
    assert calls(run) == ["left", "right", "meet"]


def test_run_does_not_end_while_a_rule_holds_it() -> None:
    run = held({**AFTER, "repeat": True})
    run.say("ok one#1:1")
    taken(run, "p1", "continue", "ada")
    run.say("ok two#1:1")
    assert (only(run).id, run.engine.phase) == ("p2", "waiting")
    taken(run, "p2", "continue", "ada")
    assert run.engine.phase == "completed"


def test_run_that_was_held_at_its_end_can_be_aborted() -> None:
    run = held({**AFTER, "when": "execution.status == 'ok' && execution.node == 'two'"})
    run.say("ok one#1:1")
    run.say("ok two#1:1")
    taken(run, "p1", "abort", "ada")
    assert run.engine.phase == "aborted"


def test_the_same_rule_asks_once_however_many_calls_it_meets() -> None:
    run = held(AFTER, document=FORK)
    run.say("ok split#1[0]/left#1:1")
    run.say("ok split#1[1]/right#1:1")
    assert only(run).id == "p1"


def test_run_is_held_until_the_last_of_those_that_hold_it_is_answered() -> None:
    other = {**AFTER, "id": "again", "when": "execution.status == 'ok' && execution.name == 'pure'"}
    run = held(AFTER, other, document=FORK)
    run.say("ok split#1[0]/left#1:1")
    run.say("ok split#1[1]/right#1:1")
    assert [pause.id for pause in run.engine.pauses()] == ["p1", "p2"]
    taken(run, "p1", "continue", "ada")
    assert len(run.every_call) == 2
    taken(run, "p2", "continue", "ada")
    assert len(run.every_call) == 3


def test_silence_acts_on_the_held_run() -> None:
    run = held(BEFORE, triggers={"on_guardrail": {"deadline": "1m", "on_timeout": "abort"}})
    run.say("+60000 timer pause:p1")
    view = run.engine.view()
    assert view.error is not None
    assert view.error.message == "nobody answered p1 in time: stop and look [guardrail.stop]"


def test_held_run_can_be_cancelled() -> None:
    run = held(BEFORE)
    run.say("cancel")
    assert (run.engine.phase, run.engine.pauses()) == ("cancelled", [])


def test_question_outlives_the_call_that_it_was_about() -> None:
    no: dict[str, Any] = {"kind": "human", "ask": "go?", "outcomes": ["no"], "routes": {"no": "fail"}}
    document = fork(no, {"kind": "tool", "tool": "pure", "with": {"x": 2}})
    document["nodes"]["split"]["on_failure"] = {"to": "meet"}
    triggers = {"on_guardrail": {"deadline": "1m", "on_timeout": "escalate", "escalate": {"answerers": ["ada"]}}}
    run = held(BEFORE, document=document, triggers=triggers)
    call = run.engine.pauses()[1].call
    assert call is not None
    assert call.name == "keep"
    taken(run, "p1", "no", "bob")
    assert only(run).call is None
    run.say("+60000 timer pause:p2")
    assert (only(run).answerers, calls(run)) == (("ada",), [])
    taken(run, "p2", "continue", "ada")
    assert calls(run) == ["meet"]


def test_what_a_rule_rejects_stays_discarded_when_another_holds_the_run() -> None:
    rejects = {"id": "bad", "when": "execution.status == 'ok'", "then": "reject_execution", "message": "not that"}
    one = {**TWICE["nodes"]["one"], "on_failure": {"to": "two"}, "writes": {"got": "1"}}
    document = {**TWICE, "state": {"got": {}}, "nodes": {**TWICE["nodes"], "one": one}}
    run = held(rejects, AFTER, document=document)
    run.say("ok one#1:1")
    assert only(run).ask == "it ran [guardrail.used]"
    taken(run, "p1", "continue", "ada")
    assert (calls(run), run.engine.view().state) == (["one", "two"], {"got": None})


@pytest.mark.parametrize(("rule", "made"), [(BEFORE, []), (AFTER, ["one"])])
def test_a_run_that_nobody_could_let_go_on_ends(rule: dict[str, Any], made: list[str]) -> None:
    asks = {"on_guardrail": {"answerers": ["role:finance"], "not_starter": True}}
    run = held(rule, triggers=asks, starter=StarterCard(id="cy", assurance="signed"))
    if made:
        run.say("ok one#1:1")
    view = run.engine.view()
    assert (calls(run), view.phase, view.pauses) == (made, "aborted", ())
    assert view.error is not None
    assert "and nobody can let the run go on: 1 must answer, and the operator's policy knows 0" in view.error.message
    other = held(rule, triggers=asks, starter=StarterCard(id="bob", assurance="signed"))
    assert made or only(other).answerers == ("role:finance",)
