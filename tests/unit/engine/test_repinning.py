"""A run that is put under another policy: what was allowed is void, what is open is asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.asking import RISKY, only, people, run_under, sent, taken
from tests.support.cards import policy_document, run_card
from workflows.contracts.calls import Permit
from workflows.engine import events

if TYPE_CHECKING:
    from tests.support.simulator import Simulator

ASKING: dict[str, Any] = {"triggers": {"on_risky_tool": {"answerers": ["role:operator"]}}}
NODES: dict[str, Any] = {
    "one": {"kind": "tool", "tool": "risky", "with": {"x": 1}, "next": "two"},
    "two": {"kind": "tool", "tool": "risky", "with": {"x": 2}, "next": "end"},
}
TWICE: dict[str, Any] = {**RISKY, "start": "one", "nodes": NODES}


def repin(run: Simulator, *, kept: tuple[Permit, ...] = (), **policy: Any) -> list[str]:
    """Go on under another policy; what the engine does at once."""
    card = run_card(policy_document(**{"answerers": people(), **policy}))
    event = events.Repinned(
        run.now_ms, "ada", card.policy, card.policy_digest, [one.model_dump(mode="json") for one in kept]
    )
    given = run.feed(event)
    assert run.engine.card.policy_digest == card.policy_digest
    return [type(command).__name__ for command in given]


def test_question_is_asked_again_of_whom_the_new_policy_names() -> None:
    run = run_under(RISKY, **ASKING)
    before = only(run)
    repin(run, triggers={"on_risky_tool": {"answerers": ["role:lead"]}})
    after = only(run)
    assert (before.id, after.id, after.answerers) == ("p1", "p2", ("role:lead",))
    assert before.digest != after.digest
    taken(run, "p2", "approve", "ada")
    permit = sent(run)[0]["permit"]
    assert permit["asked"]["policy_digest"] == run.engine.card.policy_digest


def test_question_whose_reason_is_gone_goes_before_the_gate_again() -> None:
    run = run_under(RISKY, **ASKING)
    assert repin(run, risk={"high": "auto"}) == ["StartCall"]
    assert run.engine.pauses() == []


def test_call_that_the_new_policy_denies_is_not_made() -> None:
    run = run_under(RISKY, **ASKING)
    repin(run, risk={"high": "deny"})
    error = run.engine.view().error
    assert error is not None
    assert (error.type, run.every_call) == ("PolicyDenied", [])


def test_yes_of_before_is_void() -> None:
    run = run_under(TWICE, **ASKING)
    taken(run, "p1", "approve", "ada", scope="run")
    repin(run, **ASKING)
    run.say("ok one#1:1")
    assert only(run).id == "p2"


def test_yes_to_a_call_that_was_not_made_yet_is_void() -> None:
    run = run_under(RISKY, **ASKING)
    run.say("hold")
    taken(run, "p1", "approve", "ada")
    repin(run, **ASKING)
    run.say("lift")
    assert (only(run).id, run.every_call) == ("p2", [])


def test_grant_of_before_is_void() -> None:
    write = {"kind": "tool", "tool": "fs.write", "with": {"path": "a", "text": "t"}}
    nodes = {"one": {**write, "next": "two"}, "two": {**write, "next": "end"}}
    graph = {**RISKY, "capabilities": [{"tool": ["fs.write"]}], "start": "one", "nodes": nodes}
    policy: dict[str, Any] = {"triggers": {"on_capability": {}}}
    run = run_under(graph, **policy)
    taken(run, "p1", "grant", "ada")
    repin(run, **policy)
    run.say("ok one#1:1")
    assert only(run).lacks == ("fs.write:a",)


def test_standing_yes_is_what_the_new_policy_lets_stand() -> None:
    tenant: dict[str, Any] = {"approvals": {"tenant": "allow"}, **ASKING}
    run = run_under(TWICE, **tenant)
    taken(run, "p1", "approve", "ada", scope="tenant")
    kept = Permit.model_validate(sent(run)[0]["permit"])
    repin(run, kept=(kept,), **tenant)
    run.say("ok one#1:1")
    assert len(run.every_call) == 2


def test_limits_are_those_of_the_new_policy_and_what_was_used_stays() -> None:
    limits = {"tokens": None, "cost_usd": None, "steps": None, "wall_clock": None}
    run = run_under(TWICE, risk={"high": "auto"}, budgets={"lifetime": {"tool_calls": 9, **limits}})
    repin(run, risk={"high": "auto"}, budgets={"lifetime": {"tool_calls": 1, **limits}})
    budget = run.engine.view().budget["lifetime"]
    assert (budget.limit["tool_calls"], budget.reserved["tool_calls"]) == (1, 1)
    run.say("ok one#1:1")
    error = run.engine.view().error
    assert error is not None
    assert error.type == "BudgetExceeded"


def test_failed_node_is_asked_about_anew() -> None:
    run = run_under(RISKY, risk={"high": "auto"}, triggers={"on_failure": {"deadline": "1h", "on_timeout": "abort"}})
    run.say("fail act#1:1 ToolFailed no")
    before = only(run)
    given = repin(run, risk={"high": "auto"}, triggers={"on_failure": {"deadline": "2h", "on_timeout": "skip"}})
    after = only(run)
    assert given == ["CancelTimer", "StartTimer"]
    assert (after.id, after.on_timeout, after.error) == ("p1", "skip", before.error)
    assert before.digest != after.digest


HUMAN: dict[str, Any] = {
    **RISKY,
    "capabilities": [],
    "nodes": {
        "act": {
            "kind": "human",
            "ask": "well?",
            "outcomes": ["ok"],
            "routes": {"ok": "end"},
            "answerers": ["role:operator"],
            "deadline": "1h",
            "on_timeout": "escalate",
        }
    },
}
ON_HUMAN: dict[str, Any] = {"triggers": {"on_human_node": {"escalate": {"answerers": ["role:lead"]}}}}


def test_human_node_is_asked_about_anew_from_the_start() -> None:
    run = run_under(HUMAN, **ON_HUMAN)
    run.say("+3600000 timer pause:p1")
    assert only(run).answerers == ("role:lead",)
    repin(run, **ON_HUMAN)
    assert (only(run).answerers, only(run).on_timeout) == (("role:operator",), "escalate")
    taken(run, "p1", "ok", "bob")
    assert run.engine.view().phase == "completed"


def test_human_node_without_a_deadline_waits_on() -> None:
    node = {**HUMAN["nodes"]["act"], "deadline": None, "on_timeout": "keep_waiting"}
    run = run_under({**HUMAN, "nodes": {"act": {key: value for key, value in node.items() if value is not None}}})
    assert repin(run) == []
    assert only(run).deadline is None


def test_human_node_that_nobody_could_answer_now_fails() -> None:
    run = run_under(HUMAN, **ON_HUMAN)
    repin(run)
    error = run.engine.view().error
    assert error is not None
    assert (error.type, run.engine.pauses()) == ("PolicyDenied", [])
    assert "no `triggers.on_human_node.escalate`" in error.message


BEFORE: dict[str, Any] = {"id": "stop", "when": "execution.kind == 'tool'", "then": "pause_lifetime"}
AFTER: dict[str, Any] = {"id": "used", "when": "execution.status == 'ok'", "then": "pause_lifetime"}
FREE: dict[str, Any] = {"risk": {"high": "auto"}}


def test_rule_that_stopped_a_call_judges_it_again() -> None:
    run = run_under(RISKY, guardrails=[BEFORE], **FREE)
    repin(run, guardrails=[BEFORE], **FREE)
    assert [pause.id for pause in run.engine.pauses()] == ["p2"]
    assert repin(run, **FREE) == ["StartCall"]


def test_what_a_rule_said_of_a_result_stands_while_there_is_such_a_rule() -> None:
    run = run_under(TWICE, guardrails=[AFTER], **FREE)
    run.say("ok one#1:1")
    before = only(run)
    assert repin(run, guardrails=[AFTER, BEFORE], **FREE) == []
    assert (only(run).id, only(run).digest == before.digest) == ("p1", False)
    assert repin(run, **FREE) == ["StartCall"]


def test_rule_that_people_let_pass_asks_again() -> None:
    run = run_under(TWICE, guardrails=[BEFORE], **FREE)
    taken(run, "p1", "continue", "ada")
    repin(run, guardrails=[BEFORE], **FREE)
    run.say("ok one#1:1")
    assert only(run).id == "p2"


def test_run_that_is_ending_keeps_its_policy() -> None:
    run = run_under(RISKY, **FREE)
    run.say("cancel")
    digest = run.engine.card.policy_digest
    run.feed(events.Repinned(run.now_ms, "ada", {}, "0" * 64))
    assert run.engine.card.policy_digest == digest


@pytest.mark.parametrize("triggers", [{}, {"on_task": {"ui": "toast", "on_timeout": "abort"}}])
def test_task_starts_that_the_new_policy_does_not_ask_about(triggers: dict[str, Any]) -> None:
    run = run_under(RISKY, risk={"high": "auto"}, triggers={"on_task": {}})
    assert (only(run).trigger, run.every_call) == ("on_task", [])
    assert repin(run, risk={"high": "auto"}, triggers=triggers) == ["StartCall"]
    assert run.engine.pauses() == []


def test_task_that_the_new_policy_asks_about_still_waits() -> None:
    run = run_under(RISKY, triggers={"on_task": {}})
    assert repin(run, triggers={"on_task": {"answerers": ["role:lead"]}}) == []
    assert (only(run).id, only(run).answerers) == ("p1", ("role:lead",))
