"""A yes may stand for more than one call: for the run, for the tenant, never for more than was shown."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.asking import RISKY, only, people, refused, run_under, said, sent, taken
from tests.support.cards import policy_document, run_card
from tests.support.simulator import Simulator
from workflows.contracts.calls import Permit
from workflows.contracts.pause import Answer, AnswerReceipt, Refusal

ALLOWING: dict[str, Any] = {"approvals": {"tenant": "allow", "max": "30d"}}
DAY_MS = 86_400_000


def again(**policy: Any) -> Simulator:
    """A run that wants the same risky call several times, with another argument each time."""
    nodes: dict[str, Any] = {
        f"n{place}": {
            "kind": "tool",
            "tool": "risky",
            "with": {"x": place},
            "next": f"n{place + 1}" if place < 2 else "end",
        }
        for place in range(3)
    }
    graph = {**RISKY, "capabilities": [{"tool": ["risky", "forbidden"]}], "start": "n0", "nodes": nodes}
    return run_under(graph, **{"triggers": {"on_risky_tool": {}}, **policy})


def test_yes_for_the_run_covers_the_same_tool() -> None:
    run = again()
    taken(run, "p1", "approve", "ada", scope="run")
    run.say("ok n0#1:1")
    run.say("ok n1#1:1")
    assert [call["permit"]["pause"] for call in sent(run)] == ["p1", "p1", "p1"]
    assert {call["permit"]["scope"] for call in sent(run)} == {"run"}


def test_yes_for_the_run_expires_with_its_answers() -> None:
    run = again()
    taken(run, "p1", "approve", "ada", scope="run")
    run.say("+3600001 ok n0#1:1")
    assert only(run).id == "p2"


def test_yes_for_the_run_covers_no_other_tool() -> None:
    nodes = {
        "one": {"kind": "tool", "tool": "risky", "with": {"x": 1}, "next": "two"},
        "two": {"kind": "tool", "tool": "keep", "with": {"x": 1}, "next": "end"},
    }
    graph = {**RISKY, "capabilities": [{"tool": ["risky", "keep"]}], "start": "one", "nodes": nodes}
    run = run_under(graph, triggers={"on_risky_tool": {}}, risk={"tools": {"keep": "high"}})
    taken(run, "p1", "approve", "ada", scope="run")
    run.say("ok one#1:1")
    assert only(run).id == "p2"


@pytest.mark.parametrize("scope", ["run", "tenant"])
def test_only_a_yes_to_risk_stands_for_more(scope: str) -> None:
    run = again(**ALLOWING)
    assert refused(run, "p1", "deny", "ada", scope=scope).startswith(f"scope `{scope}` goes with `approve`")


def test_yes_for_the_tenant_must_be_allowed_and_signed() -> None:
    assert "no approvals for a whole tenant" in refused(again(), "p1", "approve", "ada", scope="tenant")
    run = again(answerers=people(signed=False))
    told = said(run, Answer(pause="p1", outcome="approve", by="ada", scope="tenant", digest=only(run).digest))
    assert isinstance(told, Refusal)
    assert "a signature is needed" in told.reason


def test_yes_for_the_tenant_covers_the_run_that_asked_and_runs_that_begin_later() -> None:
    run = again(**ALLOWING)
    taken(run, "p1", "approve", "ada", scope="tenant")
    run.say("ok n0#1:1")
    assert sent(run)[1]["permit"]["scope"] == "tenant"
    kept = Permit.model_validate(sent(run)[0]["permit"])
    card = run.card.model_copy(update={"approvals": (kept,)})
    later = Simulator(run.graph_document, card)
    later.say("start")
    assert sent(later)[0]["permit"] == kept.model_dump(mode="json")


def test_standing_yes_of_another_tool_does_not_count() -> None:
    run = again(**ALLOWING)
    taken(run, "p1", "approve", "ada", scope="tenant")
    kept = Permit.model_validate(sent(run)[0]["permit"])
    call = {**kept.asked["calls"][0], "name": "pay"}
    other = kept.model_copy(update={"asked": {**kept.asked, "calls": [call]}})
    later = Simulator(run.graph_document, run.card.model_copy(update={"approvals": (other,)}))
    later.say("start")
    assert only(later).id == "p1"


def test_what_a_standing_yes_did_not_cover_is_asked_with_what_it_did() -> None:
    """The yes for risk is of a time when the path was not protected: one answer must cover both."""
    write = {"kind": "tool", "tool": "fs.write", "with": {"path": "a", "text": "t"}, "next": "end"}
    graph = {**RISKY, "capabilities": [{"tool": ["fs.write"]}, {"fs.write": ["**"]}], "nodes": {"act": write}}
    policy: dict[str, Any] = {
        "risk": {"tools": {"fs.write": "high"}},
        "triggers": {"on_risky_tool": {}, "on_protected_path": {}},
    }
    run = run_under(graph, **policy, **ALLOWING)
    taken(run, "p1", "approve", "ada", scope="tenant")
    kept = Permit.model_validate(sent(run)[0]["permit"])
    guarded = policy_document(answerers=people(), protected=["a"], **policy, **ALLOWING)
    later = Simulator(graph, run_card(guarded).model_copy(update={"approvals": (kept,)}))
    later.say("start")
    assert only(later).triggers == ("on_risky_tool", "on_protected_path")
    taken(later, "p1", "approve", "ada")
    assert len(later.every_call) == 1


def test_rung_asks_alone_where_a_yes_already_covers_the_risk() -> None:
    budgets = {
        "lifetime": {"tool_calls": 4, "tokens": None, "cost_usd": None, "steps": None, "wall_clock": None},
        "ladder": {"warn": None, "downshift": None, "ask": 0.5},
    }
    run = again(budgets=budgets, triggers={"on_risky_tool": {}, "on_budget": {}})
    taken(run, "p1", "approve", "ada", scope="run")
    run.say("ok n0#1:1")
    assert only(run).triggers == ("on_budget",)
    taken(run, "p2", "continue", "bob")
    assert sent(run)[1]["permit"]["pause"] == "p1"


def test_answer_that_lapses_before_its_call_is_made_is_asked_for_again() -> None:
    run = again()
    run.say("hold")
    taken(run, "p1", "approve", "ada")
    run.say("+3600001 lift")
    assert (only(run).id, run.every_call) == ("p2", [])


MODEL: dict[str, Any] = {
    **RISKY,
    "capabilities": [{"model": ["*"]}],
    "nodes": {"act": {"kind": "model", "model": "default", "prompt": "count", "next": "end"}},
}


def failed_model() -> Simulator:
    run = run_under(MODEL)
    run.say("fail act#1:1 ModelFailed overloaded")
    return run


def test_guidance_is_one_more_part_of_the_prompt() -> None:
    run = failed_model()
    taken(run, "p1", "retry", "ada", data={"guidance": "count to three"})
    first, second = sent(run)
    assert second["args"]["messages"] == [{"role": "user", "content": [{"text": "count"}, {"text": "count to three"}]}]
    assert (first["key"] == second["key"], second["generation"]) == (False, 1)


def test_retry_without_guidance_is_the_same_call() -> None:
    run = failed_model()
    taken(run, "p1", "retry", "ada")
    first, second = sent(run)
    assert first["key"] == second["key"]


@pytest.mark.parametrize("data", ["go on", {"guidance": ""}, {"guidance": "x" * 8193}, {"guidance": 3}, {"hint": "x"}])
def test_guidance_of_another_shape_is_refused(data: object) -> None:
    assert 'data must be {"guidance": "..."}' in refused(failed_model(), "p1", "retry", "ada", data=data)


def test_guidance_is_for_models() -> None:
    run = run_under(
        {
            **RISKY,
            "nodes": {"act": {**RISKY["nodes"]["act"], "tool": "keep"}},
            "capabilities": [{"tool": ["keep"]}],
        }
    )
    run.say("fail act#1:1 ToolFailed no")
    assert "guidance is for a model" in refused(run, "p1", "retry", "ada", data={"guidance": "again"})
    taken(run, "p1", "retry", "ada")
    assert len(run.every_call) == 2


def test_receipt_says_who_was_heard() -> None:
    receipt = taken(failed_model(), "p1", "skip", "bob")
    assert receipt == AnswerReceipt(pause="p1", outcome="skip", by="bob", node="act")
