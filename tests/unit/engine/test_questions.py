"""What a question covers, and what it takes to answer it where only the engine stands between."""

from __future__ import annotations

from typing import Any

from policies.coverage import measured
from tests.support.asking import RISKY, only, people, refused, run_under, said, sent, taken
from tests.support.simulator import Simulator
from workflows.contracts.calls import Permit
from workflows.contracts.pause import Answer, Refusal
from workflows.contracts.run import StarterCard
from workflows.engine.digest import pause_digest

ASK: dict[str, Any] = {
    **RISKY,
    "capabilities": [],
    "nodes": {"act": {"kind": "human", "ask": "well?", "outcomes": ["ok"], "routes": {"ok": "end"}}},
}


def asking(starter: StarterCard | None = None, policy: dict[str, Any] | None = None, **node: Any) -> Simulator:
    document = {**ASK, "nodes": {"act": {**ASK["nodes"]["act"], **node}}}
    return run_under(document, starter=starter, **(policy or {}))


def test_digest_covers_exactly_what_people_are_asked() -> None:
    run = run_under(RISKY, triggers={"on_risky_tool": {"answerers": ["role:operator"], "deadline": "1h"}})
    pause = only(run)
    taken(run, "p1", "approve", "ada")
    asked = sent(run)[0]["permit"]["asked"]
    card = run.card.tools["risky"]
    args_digest, args_bytes = measured({"x": 1}, model=False)
    assert asked == {
        "namespace": "default",
        "workflow_id": "default/test/1",
        "first_run_id": "run-1",
        "pause_id": "p1",
        "activation": "act#1",
        "triggers": ["on_risky_tool"],
        "calls": [
            {
                "name": "risky",
                "tool_digest": card.digest,
                "args_digest": args_digest,
                "args_bytes": args_bytes,
                "capabilities": ["tool:risky"],
                "effect": "idempotent",
                "risk": "high",
                "model": None,
            }
        ],
        "graph_digest": run.graph.digest,
        "policy_digest": run.card.policy_digest,
        "outcomes": ["approve", "deny"],
        "form_digest": None,
        "answerers": ["role:operator"],
        "quorum": 1,
        "deadline": pause.deadline,
    }
    assert pause_digest(asked) == pause.digest


def test_question_about_a_model_leaves_out_what_the_gate_may_lower() -> None:
    graph = {
        **RISKY,
        "capabilities": [{"model": ["*"]}],
        "nodes": {"act": {"kind": "model", "model": "default", "prompt": "hi", "next": "end"}},
    }
    run = run_under(graph, risk={"low": "ask"}, triggers={"on_risky_tool": {}})
    call = only(run).call
    assert call is not None
    taken(run, "p1", "approve", "ada")
    args = sent(run)[0]["args"]
    assert (call.args_digest, call.args_bytes, call.model) == (*measured(args, model=True), "default")
    assert measured({**args, "max_tokens": 1}, model=True)[0] == call.args_digest


def test_graphs_quorum_counts_nobody_who_only_claims_to_be_there() -> None:
    run = asking(policy={"answerers": people(signed=False)}, quorum=2)
    digest = only(run).digest
    for name in ("ada", "bob"):
        told = said(run, Answer(pause="p1", outcome="ok", by=name, digest=digest))
        assert isinstance(told, Refusal)
        assert "a signature is needed" in told.reason
    taken(run, "p1", "ok", "ada")
    taken(run, "p1", "ok", "bob")
    assert run.engine.phase == "completed"


def test_starter_gets_no_say_by_waiting_until_others_are_asked() -> None:
    triggers = {"triggers": {"on_human_node": {"escalate": {"answerers": ["role:lead", "bob"]}}}}
    starter = StarterCard(id="ada", assurance="signed")
    run = asking(starter, triggers, answerers=["bob", "not_starter"], deadline="1m", on_timeout="escalate")
    run.say("+60000 timer pause:p1")
    assert "`ada` started the run" in refused(run, "p1", "ok", "ada")
    taken(run, "p1", "ok", "bob")
    assert run.engine.phase == "completed"


def test_what_was_said_before_a_question_escalated_does_not_count() -> None:
    later = {"answerers": ["role:operator"], "quorum": 2}
    rule = {**later, "deadline": "1m", "on_timeout": "escalate", "escalate": later}
    run = run_under(RISKY, triggers={"on_risky_tool": rule})
    taken(run, "p1", "approve", "ada")
    run.say("+60000 timer pause:p1")
    assert only(run).answered_by == ()
    assert taken(run, "p1", "approve", "bob").waits_for == 1
    assert taken(run, "p1", "approve", "ada").waits_for == 0


def test_standing_yes_that_has_expired_is_none() -> None:
    rules: dict[str, Any] = {"triggers": {"on_risky_tool": {}}, "approvals": {"tenant": "allow"}}
    run = run_under(RISKY, **rules)
    taken(run, "p1", "approve", "ada", scope="tenant")
    kept = Permit.model_validate(sent(run)[0]["permit"])
    later = Simulator(RISKY, run.card.model_copy(update={"approvals": (kept,)}))
    later.say("+3600010 start")
    assert (only(later).id, sent(later)) == ("p1", [])


def test_time_that_a_rule_holds_the_run_is_not_the_calls() -> None:
    budgets = {
        "execution": {"tokens": None, "cost_usd": None, "wall_clock": "10s"},
        "lifetime": {"tokens": None, "cost_usd": None, "steps": None, "wall_clock": None, "tool_calls": None},
    }
    rule = {"id": "stop", "when": "execution.kind == 'tool'", "then": "pause_lifetime"}
    run = run_under(RISKY, guardrails=[rule], budgets=budgets, risk={"high": "auto"})
    run.now_ms += 60_000
    taken(run, "p1", "continue", "ada")
    assert len(sent(run)) == 1


def test_silence_means_no_where_its_own_word_is_not_offered() -> None:
    budgets = {
        "lifetime": {"tool_calls": 2, "tokens": None, "cost_usd": None, "steps": None, "wall_clock": None},
        "ladder": {"warn": None, "downshift": None, "ask": 0.5},
    }
    triggers = {"on_risky_tool": {}, "on_budget": {"deadline": "1m", "on_timeout": "reduce"}}
    run = run_under(RISKY, budgets=budgets, triggers=triggers)
    run.say("+60000 timer pause:p1")
    error = run.engine.view().error
    assert error is not None
    assert error.message == "nobody answered p1 in time"


def test_a_node_that_fails_is_asked_about_only_where_somebody_could_answer() -> None:
    asks = {"on_failure": {"answerers": ["role:finance"], "not_starter": True}}
    node = {"kind": "tool", "tool": "keep", "with": {"x": 1}, "next": "end", "on_failure": "pause"}
    document = {**RISKY, "capabilities": [{"tool": ["keep"]}], "nodes": {"act": node}}
    run = run_under(document, triggers=asks, starter=StarterCard(id="cy", assurance="signed"))
    run.say("fail act#1:1 ToolFailed no")
    view = run.engine.view()
    assert (view.phase, view.pauses) == ("failed", ())
    assert view.error is not None
    assert view.error.type == "ToolFailed"
    assert "nobody can be asked what to do" in view.warnings[0]
    other = run_under(document, triggers=asks, starter=StarterCard(id="bob", assurance="signed"))
    other.say("fail act#1:1 ToolFailed no")
    assert only(other).trigger == "on_failure"


def test_no_word_of_a_human_node_acts_before_enough_people_have_said_it() -> None:
    pays = {"kind": "tool", "tool": "keep", "with": {"x": 1}, "next": "end"}
    asks = {**ASK["nodes"]["act"], "outcomes": ["cancel", "ok"], "routes": {"cancel": "pays", "ok": "end"}, "quorum": 2}
    run = run_under({**ASK, "capabilities": [{"tool": ["keep"]}], "nodes": {"act": asks, "pays": pays}})
    assert taken(run, "p1", "cancel", "ada").waits_for == 1
    assert sent(run) == []
    assert taken(run, "p1", "cancel", "bob").waits_for == 0
    assert len(sent(run)) == 1
