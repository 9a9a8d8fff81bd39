"""What was signed shows in the history, and whoever reads it sends it again: it counts once."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from tests.support.asking import RISKY, control, only, people, refused, run_under, said, taken
from tests.support.simulator import Simulator
from workflows.contracts.pause import Answer, AnswerReceipt, Refusal
from workflows.engine import events
from workflows.engine.controls import KEEP_SPENT

CONTROLS = {"pause": "operator", "cancel": "operator", "resume": "operator"}
OPERATORS = {"answerers": ["role:operator"]}
TWO: dict[str, Any] = {
    **RISKY,
    "capabilities": [],
    "nodes": {
        "act": {
            "kind": "human",
            "ask": "well?",
            "outcomes": ["ok", "no"],
            "quorum": 2,
            "routes": {"ok": "end", "no": "end"},
        }
    },
}


def running() -> Simulator:
    return run_under(RISKY, controls=CONTROLS)


def held(run: Simulator, by: str) -> str | None:
    """Have a person hold the run; the signature."""
    signature = control(run, "pause", by).signature
    run.feed(events.HoldRequested(run.now_ms, by, signature))
    return signature


def test_resume_that_was_obeyed_does_not_lift_the_next_hold() -> None:
    run = running()
    held(run, "bob")
    resume = control(run, "resume", "bob")
    assert run.engine.why_no_control("resume", resume, run.now_ms) is None
    run.feed(events.HoldLifted(run.now_ms, "bob", resume.signature))
    held(run, "ada")
    assert "obeyed before" in str(run.engine.why_no_control("resume", resume, run.now_ms))
    run.now_ms += 1
    assert run.engine.why_no_control("resume", control(run, "resume", "bob"), run.now_ms) is None


def test_hold_and_repin_are_obeyed_once() -> None:
    run = running()
    pause, repin = control(run, "pause", "bob"), control(run, "repin", "bob")
    run.feed(events.HoldRequested(run.now_ms, "bob", pause.signature))
    card = run.card
    run.feed(events.Repinned(run.now_ms, "bob", card.policy, card.policy_digest, signature=repin.signature))
    assert "obeyed before" in str(run.engine.why_no_control("pause", pause, run.now_ms))
    assert "obeyed before" in str(run.engine.why_no_control("repin", repin, run.now_ms))


def spent(run: Simulator) -> list[str]:
    """The signatures that a run carries along."""
    state = run.engine.snapshot()["state"]
    assert isinstance(state, dict)
    return list(state["spent"])


def test_what_a_run_remembers_is_bounded_and_carried() -> None:
    run = run_under(RISKY, controls=dict.fromkeys(CONTROLS, "any"))
    for number in range(KEEP_SPENT + 5):
        run.feed(events.HoldRequested(run.now_ms, "bob", f"s{number}"))
    assert spent(run) == [f"s{number}" for number in range(5, KEEP_SPENT + 5)]
    run.feed(events.HoldRequested(run.now_ms, "eve"))
    assert len(spent(run)) == KEEP_SPENT, "a claim spends nothing"


def test_vote_that_was_taken_back_is_not_cast_again() -> None:
    run = run_under(TWO)
    vote = run.signed({"pause": "p1", "outcome": "ok", "by": "ada"})
    assert isinstance(said(run, vote), AnswerReceipt)
    assert isinstance(said(run, vote), AnswerReceipt), "the same again says nothing new"
    run.now_ms += 1_000
    taken(run, "p1", "no", "ada")
    told = said(run, vote)
    assert isinstance(told, Refusal)
    assert "another answer since" in told.reason
    assert taken(run, "p1", "ok", "bob").waits_for == 1, "ada does not say so any more"
    run.now_ms += 1_000
    assert taken(run, "p1", "ok", "ada").waits_for == 0


def test_approval_of_the_tenant_is_not_given_where_the_call_lacks_a_grant() -> None:
    rules = {"on_risky_tool": OPERATORS, "on_capability": OPERATORS}
    lacking: dict[str, Any] = {"allow": [], "grantable": [{"tool": ["risky"]}], "approvals": {"tenant": "allow"}}
    run = run_under(RISKY, triggers=rules, **lacking)
    assert only(run).lacks == ("tool:risky",)
    assert "scope `tenant` grants nothing" in refused(run, "p1", "approve", "ada", scope="tenant")
    taken(run, "p1", "approve", "ada", scope="run")


@pytest.mark.parametrize("scope", ["once", "run"])
def test_unsigned_answer_is_no_vote(scope: Literal["once", "run"]) -> None:
    run = run_under(RISKY, answerers=people(signed=False), triggers={"on_risky_tool": OPERATORS})
    told = said(run, Answer(pause="p1", outcome="approve", by="ada", scope=scope))
    assert isinstance(told, AnswerReceipt)
