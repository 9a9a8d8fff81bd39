"""The budget ladder at work in a run: cheaper models, one question for all who wait, and what stops for good."""

from __future__ import annotations

from typing import Any

import pytest

from policies.canonical import digest
from tests.support.asking import only, people, run_under, taken
from tests.support.cards import MODELS, policy_document, run_card
from tests.support.simulator import Simulator
from tests.unit.engine.test_engine import mapped
from workflows.contracts.calls import Call
from workflows.contracts.names import ENGINE
from workflows.engine import verdicts
from workflows.engine.digest import decision_digest, idempotency_key

NONE: dict[str, object] = {"tokens": None, "cost_usd": None, "wall_clock": None}
OFF: dict[str, object] = {"warn": None, "downshift": None, "ask": None}
TALK: dict[str, Any] = {"kind": "model", "model": "default", "prompt": "hi"}
KEEP: dict[str, Any] = {"kind": "tool", "tool": "keep", "with": {"x": "${n}"}}
USED = '{"text": "hi", "tokens": 100, "cost_nano": 90}'
BOTH = [{"tool": ["keep", "pure"]}, {"model": ["default", "small"]}]


def budgets(
    ladder: dict[str, object], *, downshift: dict[str, str] | None = None, **lifetime: object
) -> dict[str, Any]:
    return {
        "execution": NONE,
        "lifetime": {**NONE, "steps": None, "tool_calls": None, **lifetime},
        "ladder": {**OFF, **ladder},
        "downshift": downshift or {},
    }


def talks(count: int = 3, **node: object) -> dict[str, Any]:
    """So many model calls, one after the other."""
    names = [f"m{number}" for number in range(count)]
    nodes = {name: {**TALK, "next": to, **node} for name, to in zip(names, [*names[1:], "end"], strict=True)}
    return {"graph": "talk", "version": "1.0.0", "capabilities": BOTH, "start": "m0", "nodes": nodes}


def started(document: dict[str, Any], run_input: object = None, **policy: Any) -> Simulator:
    run = Simulator(document, run_card(policy_document(**policy)), run_input)
    run.say("start")
    return run


def calls(run: Simulator) -> list[Call]:
    return [Call.model_validate(command.payload) for command in run.every_call]


DOWN: dict[str, Any] = {"budgets": budgets({"downshift": 0.5}, downshift={"default": "small"}, tokens=2400)}


def test_a_rung_moves_this_call_and_every_later_one_to_the_cheaper_model() -> None:
    run = started(talks(4), **DOWN)
    for number in range(3):
        run.say(f"ok m{number}#1:1 {USED}")
    assert [call.name for call in calls(run)] == ["default", "default", "small", "small"]
    assert run.engine._m.state.rungs == {"lifetime.tokens": "downshift"}


def test_a_call_that_is_moved_is_decided_keyed_and_priced_as_what_it_has_become() -> None:
    document = talks(1, system="be brief", max_tokens=900)
    run = started(document, budgets=budgets({"downshift": 0.5}, downshift={"default": "small"}, tokens=1500))
    (call,), (command,) = calls(run), run.every_call
    assert (call.name, command.activity, command.model) == ("small", "model.cheap", True)
    assert {name: call.args[name] for name in ("alias", "model", "max_tokens")} == {
        "alias": "small",
        "model": "tiny",
        "max_tokens": 500,
    }
    small = MODELS[1]
    record = call.decision
    assert record.digest == decision_digest(
        engine=ENGINE,
        kind="model",
        name="small",
        args_digest=digest(call.args),
        tool_digest=small.digest,
        policy=run.card.policy_digest[:16],
        verdict=record.verdict,
        rules=record.rules,
    )
    assert call.key == idempotency_key(
        namespace="default",
        workflow_id=run.facts.workflow_id,
        first_run_id=run.facts.first_run_id,
        call="m0#1:1",
        args_digest=digest(call.args),
    )
    reserved = run.engine._m.ledgers[""].reserved
    known = len("be brief") + len("hi") + 3 * 32
    assert reserved.tokens == known + 500
    assert reserved.cost_nano == known * small.price.cache_write + 500 * small.price.output


def test_a_cheaper_model_with_a_longer_context_is_reckoned_by_all_that_it_will_read() -> None:
    run = started(
        talks(1, prompt="x" * 150_000),
        budgets=budgets({"downshift": 0.1}, downshift={"default": "small"}, tokens=400_000),
    )
    assert [call.name for call in calls(run)] == ["small"]
    assert run.engine._m.ledgers[""].reserved.tokens == 150_000 + 2 * 32 + 500, "and not by the context of the other"


def test_a_yes_to_the_dearer_model_is_none_to_the_cheaper_one() -> None:
    """The worker would refuse it: what people were asked about is another call."""
    nodes = {
        "split": {"kind": "plan", "rules": [{"fork": {"branches": ["one", "two"], "join": "end_"}}]},
        "one": TALK,
        "two": {**TALK, "prompt": "ho"},
        "end_": {"kind": "plan", "rules": [{"to": "end"}]},
    }
    document = {**talks(), "start": "split", "nodes": nodes}
    rules = [{"id": "r", "when": "execution.name == 'default'", "then": "ask", "repeat": True}]
    run = started(
        document,
        budgets=budgets({"downshift": 0.5}, downshift={"default": "small"}, tokens=3000),
        risk={"low": "ask"},
        guardrails=rules,
        triggers={"on_risky_tool": {}, "on_guardrail": {}},
    )
    run.say("answer p1 approve")
    run.say("answer p2 approve")
    assert [call.name for call in calls(run)] == ["default"]
    assert [(pause.id, pause.call and pause.call.name) for pause in run.engine.pauses()] == [("p3", "small")]
    run.say("answer p3 approve")
    assert [call.name for call in calls(run)] == ["default", "small"]
    assert calls(run)[1].permit is not None


@pytest.mark.parametrize(
    ("graph_may", "offered"), [([{"model": ["default"]}], True), (BOTH, False)], ids=["not asked for", "not offered"]
)
def test_a_call_is_not_moved_to_a_model_that_it_may_not_have(graph_may: list[dict[str, object]], offered: bool) -> None:
    card = run_card(policy_document(budgets=budgets({"downshift": 0.1}, downshift={"default": "small"}, tokens=2000)))
    if not offered:
        card = card.model_copy(update={"models": {"default": card.models["default"]}})
    run = Simulator({**talks(1), "capabilities": graph_may}, card)
    run.say("start")
    assert [call.name for call in calls(run)] == ["default"]


FIFTY: dict[str, Any] = {
    "budgets": budgets({"ask": 0.5}, tool_calls=100),
    "triggers": {"on_budget": {"deadline": "1h", "on_timeout": "abort"}},
}


def fan(count: int = 100) -> Simulator:
    return started(mapped(KEEP, concurrency=count), {"n": list(range(count))}, **FIFTY)


def test_fifty_calls_that_reach_a_rung_wait_behind_one_question() -> None:
    run = fan()
    assert (len(run.every_call), run.engine.pauses_open, run.engine.phase) == (49, 1, "running")
    pause = only(run)
    assert pause.budget == {"rungs": ["lifetime.tool_calls.ask"], "max_raise": {}}
    run.say("answer p1 continue")
    assert (len(run.every_call), run.engine.pauses_open) == (100, 0)
    assert run.engine.pauses_asked == 1


def test_time_that_calls_wait_behind_a_question_is_nobodys() -> None:
    run = fan(51)
    for index in range(49):
        run.say(f"ok open#1[{index}]/work#1:1")
    assert run.engine.phase == "waiting"
    before = run.engine.view().usage.elapsed_s
    run.say("+50000 hold")
    run.say("+50000 lift")
    assert run.engine.view().usage.elapsed_s == before
    assert all(ledger.used.wall_ms < 1000 for ledger in run.engine._m.ledgers.values())
    run.say("answer p1 continue")
    assert len(run.every_call) == 51


def test_all_who_wait_end_with_the_run_when_nobody_lets_them_pass() -> None:
    run = fan()
    run.say("answer p1 abort")
    for index in range(49):
        run.say(f"ok open#1[{index}]/work#1:1")
    assert (run.engine.phase, len(run.every_call)) == ("aborted", 49)


def test_the_next_who_waits_asks_where_the_branch_that_asked_is_gone() -> None:
    opening = {"over": "${input.n}", "as": "n", "to": "work", "join": "merge", "max_concurrency": 9, "mode": "settle"}
    document: dict[str, Any] = mapped({**KEEP, "tool": "risky", "on_failure": "fail"}, concurrency=9)
    document["nodes"]["open"]["rules"] = [{"map": opening}]
    document["capabilities"] = [{"tool": ["risky"]}]
    triggers: dict[str, object] = {"on_budget": {}, "on_risky_tool": {}}
    run = started(document, {"n": [1, 2]}, budgets=budgets({"ask": 0.5}, tool_calls=2), triggers=triggers)
    assert run.engine.pauses_open == 1
    run.say("answer p1 deny")
    assert [pause.id for pause in run.engine.pauses()] == ["p2"]
    run.say("answer p2 approve")
    assert len(run.every_call) == 1


def test_a_rung_warns_once() -> None:
    run = started(talks(), budgets=budgets({"warn": 0.1}, tokens=4000))
    for number in range(3):
        run.say(f"ok m{number}#1:1 {USED}")
    (warning,) = run.engine.view().warnings
    assert "[ladder.lifetime.tokens.warn]" in warning
    assert run.engine.phase == "completed"


def test_what_a_call_uses_beyond_its_reservation_stops_the_run() -> None:
    run = started(talks(2, on_failure="fail"), budgets=budgets({}, tokens=100_000))
    run.say('ok m0#1:1 {"text": "hi", "tokens": 5000, "cost_nano": 90}')
    view = run.engine.view()
    assert view.error is not None
    assert (view.phase, view.error.type, len(run.every_call)) == ("failed", "BudgetExceeded", 1)
    assert "used more tokens than was reserved" in view.error.message
    assert view.budget["lifetime"].overrun == {"tokens": 5000 - 1066}


def test_people_may_raise_a_limit_under_signatures() -> None:
    limits = {**budgets({"ask": 0.5}, tool_calls=2), "max_raise": {"tool_calls": 2}}
    document = {**talks(1), "nodes": {"m0": {**KEEP, "with": {"x": 1}, "next": "end"}}}
    run = run_under(document, budgets=limits, triggers={"on_budget": {}}, answerers=people())
    taken(run, "p1", "raise", "ada", data={"tool_calls": 2})
    assert [call.node for call in calls(run)] == ["m0"]


def test_a_rung_below_one_that_has_acted_is_not_remembered_again() -> None:
    run = started(talks(2), budgets=budgets({"warn": 0.1, "ask": 0.2}, tokens=4000), triggers={"on_budget": {}})
    run.say("answer p1 continue")
    run.say(f"ok m0#1:1 {USED}")
    assert run.engine._m.state.rungs == {"lifetime.tokens": "ask"}
    assert run.engine.view().warnings == ()
    verdicts.latch(run.engine._m, [("lifetime.tokens", "warn")])
    assert run.engine._m.state.rungs == {"lifetime.tokens": "ask"}
