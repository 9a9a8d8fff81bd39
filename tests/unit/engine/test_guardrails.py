"""The operator's rules at work in a run: before a call, after it, and for the rest of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.cards import policy_document, run_card
from tests.support.simulator import Simulator
from tests.unit.engine.test_engine import graph

if TYPE_CHECKING:
    from workflows.contracts.failures import ErrorInfo

ONE: dict[str, Any] = {"kind": "tool", "tool": "keep", "with": {"x": 1}, "next": "end"}
MODEL: dict[str, Any] = {"kind": "model", "model": "default", "prompt": "hi", "next": "end"}
FINE: dict[str, Any] = {"kind": "tool", "tool": "pure", "with": {"x": 9}, "next": "end"}
KEEPS = "execution.name == 'keep'"
ENDED = f"{KEEPS} && execution.status != ''"


def rule(then: str, when: str = KEEPS, **more: object) -> dict[str, Any]:
    return {"id": "r", "when": when, "then": then, "message": "so it is", **more}


def under(*rules: dict[str, Any], nodes: dict[str, Any] | None = None, **policy: Any) -> Simulator:
    """A run that has started, of one call if nothing else is said."""
    run = Simulator(graph(nodes or {"one": ONE}), run_card(policy_document(guardrails=list(rules), **policy)))
    run.say("start")
    return run


def error_of(run: Simulator) -> ErrorInfo:
    error = run.engine.view().error
    assert error is not None
    return error


def nodes_called(run: Simulator) -> list[str]:
    return [str(command.payload["node"]) for command in run.every_call]


@pytest.mark.parametrize("then", ["deny", "reject_execution"])
def test_a_call_that_a_rule_refuses_is_never_made_and_fails_its_node(then: str) -> None:
    run = under(rule(then), nodes={"one": {**ONE, "on_failure": {"to": "fine"}}, "fine": FINE})
    assert nodes_called(run) == ["fine"]
    (failed,) = [node for node in run.engine.view().nodes if node.node == "one"]
    assert (failed.status, failed.summary) == ("failed", "PolicyDenied: `keep`: so it is [guardrail.r]")


def test_a_rule_that_aborts_ends_the_run_before_the_call() -> None:
    run = under(rule("abort_lifetime"))
    assert (run.every_call, run.engine.phase) == ([], "aborted")
    assert (error_of(run).type, error_of(run).node) == ("PolicyDenied", "one")
    assert error_of(run).message == "so it is [guardrail.r]"


def test_a_result_that_a_rule_rejects_is_discarded() -> None:
    one = {**ONE, "writes": {"got": "${result}"}, "on_failure": {"to": "fine"}}
    document = graph({"one": one, "fine": FINE}, state={"got": {}})
    run = Simulator(document, run_card(policy_document(guardrails=[rule("reject_execution", ENDED)])))
    run.say("start")
    run.say('ok one#1:1 "the result"')
    assert run.engine.view().state == {"got": None}
    assert nodes_called(run) == ["one", "fine"]
    run.say("ok fine#1:1")
    assert run.engine.phase == "completed"


@pytest.mark.parametrize("event", ["ok one#1:1 1", "fail one#1:1 ToolFailed no"])
def test_a_rejected_outcome_is_the_policys_no_whatever_it_was(event: str) -> None:
    run = under(rule("reject_execution", ENDED))
    run.say(event)
    assert (error_of(run).type, error_of(run).message) == ("PolicyDenied", "so it is [guardrail.r]")


@pytest.mark.parametrize(
    "event",
    ["ok one#1:1 1", "fail one#1:1 ToolFailed no", "fail one#1:1 Timeout lost"],
)
def test_a_rule_that_aborts_after_a_call_ends_the_run_at_once(event: str) -> None:
    run = under(rule("abort_lifetime", ENDED), nodes={"one": {**ONE, "next": "fine"}, "fine": FINE})
    run.say(event)
    assert (run.engine.phase, error_of(run).message) == ("aborted", "so it is [guardrail.r]")
    assert (nodes_called(run), run.engine._m.state.calls) == (["one"], {})


def test_a_model_that_may_have_been_billed_is_not_called_again_once_a_rule_has_ended_the_run() -> None:
    again = {**MODEL, "retry": {"max_attempts": 3}}
    run = under(rule("abort_lifetime", "execution.status == 'failed'"), nodes={"one": again})
    run.say("fail one#1:1 MaybeBilled cut")
    assert (run.engine.phase, len(run.every_call)) == ("aborted", 1)


@pytest.mark.parametrize("event", ["ok check#1:1 1", "fail check#1:1 ToolFailed no"])
def test_a_check_goes_no_further_once_a_rule_has_ended_the_run(event: str) -> None:
    calls = [{"name": name, "tool": "keep", "with": {"x": 1}, "when": "true"} for name in ("first", "second")]
    check = {"kind": "validate", "checks": calls, "routes": {"pass": "end", "fail": "end"}}
    run = under(rule("abort_lifetime", ENDED), nodes={"check": check})
    run.say(event)
    assert (run.engine.phase, len(run.every_call)) == ("aborted", 1)


@pytest.mark.parametrize("event", ["ok split#1[1]/slow#1:1 1", "fail split#1[1]/slow#1:1 Timeout lost"])
def test_a_rule_may_end_the_run_by_the_outcome_of_a_call_that_nobody_waits_for_any_more(event: str) -> None:
    branches = {"branches": ["quick", "slow"], "join": "after"}
    nodes = {
        "split": {"kind": "plan", "rules": [{"fork": branches}], "on_failure": {"to": "after"}},
        "quick": {"kind": "tool", "tool": "pure", "with": {"x": 1}, "on_failure": "fail"},
        "slow": {"kind": "tool", "tool": "keep", "with": {"x": 1}},
        "after": FINE,
    }
    run = under(rule("abort_lifetime", ENDED), nodes=nodes)
    run.say("fail split#1[0]/quick#1:1 ToolFailed no")
    run.say(event)
    assert (run.engine.phase, nodes_called(run)) == ("aborted", ["quick", "slow"])


def test_an_error_of_a_rule_denies_before_a_call_and_holds_the_run_after_it() -> None:
    broken = "execution.args.nothing == 1"
    assert "rule_error:r" in error_of(under(rule("warn", broken))).message
    run = under(rule("warn", f"{broken} && execution.status == 'ok'"))
    run.say("ok one#1:1")
    (pause,) = run.engine.pauses()
    assert "rule_error:r" in pause.ask
    run.say("answer p1 continue")
    assert run.engine.phase == "completed"


def test_a_rule_warns_once_however_often_it_holds() -> None:
    nodes = {"one": {**ONE, "next": "two"}, "two": {**ONE, "with": {"x": 2}}}
    run = under(rule("warn"), nodes=nodes)
    run.say("ok one#1:1")
    run.say("ok two#1:1")
    assert (nodes_called(run), run.engine.view().warnings) == (["one", "two"], ("so it is [guardrail.r]",))


def test_a_rule_may_warn_of_what_a_call_has_used() -> None:
    words = "used ${execution.tokens_used} and $${more}"
    warns: dict[str, object] = {"id": "r", "when": "execution.tokens_used > 100", "then": "warn", "message": words}
    run = under(warns, nodes={"one": MODEL})
    run.say('ok one#1:1 {"text": "hi", "tokens": 120, "cost_nano": 5}')
    assert run.engine.view().warnings == ("used 120 and ${more} [guardrail.r]",)
    assert run.engine.phase == "completed"


def test_the_last_fifty_warnings_are_kept() -> None:
    often = {**ONE, "with": {"x": "${visit}"}, "next": "again", "max_visits": 100}
    again = {"kind": "plan", "rules": [{"when": "visit < 60", "to": "one"}, {"to": "end"}], "max_visits": 100}
    run = under(rule("warn", message="${execution.visit}"), nodes={"one": often, "again": again}, loop_guard=None)
    for visit in range(1, 61):
        run.say(f"ok one#{visit}:1")
    found = run.engine.view().warnings
    assert (len(found), found[0], found[-1]) == (50, "11 [guardrail.r]", "60 [guardrail.r]")


def test_what_people_let_pass_for_one_call_is_not_let_pass_for_its_repetition() -> None:
    triggers: dict[str, object] = {"on_guardrail": {}, "on_failure": {}}
    run = under(rule("ask", repeat=True), triggers=triggers)
    run.say("answer p1 continue")
    run.say("fail one#1:1 ToolFailed no")
    run.say("answer p2 retry")
    assert [pause.trigger for pause in run.engine.pauses()] == ["on_guardrail"]
    assert len(run.every_call) == 1


def test_a_lost_model_call_is_asked_about_again() -> None:
    again = {**MODEL, "retry": {"max_attempts": 3}}
    asks = rule("ask", "execution.kind == 'model'", repeat=True)
    run = under(asks, nodes={"one": again}, triggers={"on_guardrail": {}})
    run.say("answer p1 continue")
    run.say("fail one#1:1 MaybeBilled cut")
    assert [pause.id for pause in run.engine.pauses()] == ["p2"]
    run.say("answer p2 continue")
    assert [command.call for command in run.every_call] == ["one#1:1", "one#1:2"]
