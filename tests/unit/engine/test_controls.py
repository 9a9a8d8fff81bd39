"""Who may hold a run, let it go on, cancel it; what nobody may is recorded and changes nothing."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from tests.support import signers
from tests.support.asking import RISKY, control, people, run_under
from tests.support.simulator import Simulator
from workflows.contracts.pause import Control
from workflows.engine import events
from workflows.engine.controls import Action

ACTIONS: tuple[Action, ...] = tuple(one for one in get_args(Action) if one not in ("steer", "cancel_call"))
"""Those of the whole run; the others are tried in test_steer_and_cancel_call."""
CONTROLS = {"pause": "operator", "cancel": "operator", "resume": "operator"}


def running(**policy: Any) -> Simulator:
    return run_under(RISKY, **{"controls": CONTROLS, **policy})


def why(run: Simulator, action: Action, said: Control) -> str | None:
    return run.engine.why_no_control(action, said, run.now_ms)


@pytest.mark.parametrize("action", ACTIONS)
def test_signed_control_of_whoever_may_is_obeyed(action: Action) -> None:
    run = running()
    said = control(run, action, "bob")
    assert why(run, action, said) is None
    assert run.engine.name_of(said) == "bob"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"signature": None}, "a signature is needed"),
        ({"by": "ada"}, "the signature is not one of `ada`"),
        ({"reason": "because"}, "the signature is not one of `bob`"),
        ({"policy_digest": "0" * 64}, "the signature is not one of `bob`"),
    ],
)
def test_forged_control_is_refused(changes: dict[str, Any], reason: str) -> None:
    run = running()
    for action in ACTIONS:
        said = control(run, action, "bob").model_copy(update=changes)
        assert reason in str(why(run, action, said))


def test_control_is_of_one_action_of_one_run() -> None:
    run = running()
    assert "not one of `bob`" in str(why(run, "cancel", control(run, "pause", "bob")))
    other = running()
    other.facts = type(run.facts)("default", "default/test/1", "run-2", "run-2", None)
    assert "not one of `bob`" in str(why(run, "pause", control(other, "pause", "bob")))


def test_control_of_the_wrong_role_or_time_is_refused() -> None:
    run = running()
    assert "not among those who may: role:operator" in str(why(run, "cancel", control(run, "cancel", "dee")))
    said = control(run, "cancel", "bob")
    run.now_ms += 3_600_001
    assert why(run, "cancel", said) == "it has expired: sign it again"


def test_what_anybody_may_needs_no_signature() -> None:
    run = running(controls={"pause": "any", "cancel": "any", "resume": "any"})
    said = Control(by="eve")
    assert [why(run, action, said) for action in ACTIONS if action != "repin"] == [None, None, None]
    assert run.engine.name_of(said) == "claimed:eve"
    assert "a signature is needed" in str(why(run, "repin", said))


def test_unsigned_repin_is_refused_even_where_nothing_else_is_signed() -> None:
    run = running(answerers=people(signed=False))
    assert "a signature is needed" in str(why(run, "repin", Control(by="bob")))


def test_temporals_own_cancel_is_obeyed_only_where_anybody_may() -> None:
    assert "only `role:operator` may cancel" in str(running().engine.why_not_cancelled())
    assert running(controls={"cancel": "any"}).engine.why_not_cancelled() is None
    run = running()
    run.say("cancel")
    assert run.engine.why_not_cancelled() is None


def test_refused_control_is_recorded_and_changes_nothing() -> None:
    run = running()
    before = run.engine.view()
    run.feed(events.ControlRefused(run.now_ms, "cancel", "claimed:eve", "a signature is needed"))
    after = run.engine.view()
    (refusal,) = after.refusals
    assert (refusal.outcome, refusal.by, refusal.reason) == ("cancel", "claimed:eve", "a signature is needed")
    assert after.audit != before.audit
    assert after.model_copy(update={"refusals": (), "audit": before.audit}) == before


def test_nothing_is_controlled_once_the_run_is_ending() -> None:
    document = {
        **RISKY,
        "capabilities": [{"tool": ["keep"]}],
        "nodes": {"act": {**RISKY["nodes"]["act"], "tool": "keep"}},
    }
    run = run_under(document)
    run.say("cancel")
    assert why(run, "pause", control(run, "pause", "bob")) == "the run is ending"
    run.say("ok act#1:1")
    assert why(run, "pause", control(run, "pause", "bob")) == "the run is over"


def test_revoked_key_controls_nothing() -> None:
    run = running(revoked=[signers.public_key("bob")])
    assert "revoked" in str(why(run, "cancel", control(run, "cancel", "bob")))


def test_resume_lifts_no_pause_that_has_an_id() -> None:
    rule = {"id": "stop", "when": "execution.kind == 'tool'", "then": "pause_lifetime"}
    run = run_under(RISKY, guardrails=[rule])
    run.say("hold")
    run.say("lift")
    assert [pause.id for pause in run.engine.pauses()] == ["p1"]
    assert run.every_call == []


def test_resume_of_a_run_that_nobody_holds_gives_its_calls_no_more_time() -> None:
    lifetime = {"tokens": 1100, "cost_usd": None, "steps": None, "wall_clock": None, "tool_calls": None}
    budgets = {"execution": {"wall_clock": "10s", "tokens": None, "cost_usd": None}, "lifetime": lifetime}
    model = {"kind": "model", "model": "default", "prompt": "hi"}
    fork = {"branches": ["a", "b"], "join": "j", "mode": "settle"}
    nodes = {
        "p": {"kind": "plan", "rules": [{"fork": fork}]},
        "a": model,
        "b": model,
        "j": {"kind": "plan", "rules": [{"to": "end"}]},
    }
    run = run_under({**RISKY, "capabilities": [{"model": ["*"]}], "start": "p", "nodes": nodes}, budgets=budgets)
    for _ in range(4):
        run.say("+3000 lift")  # `b` is ready all the while, and waits for `a`
    run.say('ok p#1[0]/a#1:1 {"text": "hi", "tokens": 5}')
    assert [node.status for node in run.engine.view().nodes if node.node == "b"] == ["failed"]
