"""An answer that cannot be taken is refused with its reason, and the run is as it was."""

from __future__ import annotations

import pytest

from tests.support.cards import run_card
from tests.support.simulator import Simulator
from workflows.contracts.pause import Answer, Refusal
from workflows.engine import commands, events

GRAPH: dict[str, object] = {
    "graph": "ask",
    "version": "1.0.0",
    "capabilities": [{"tool": ["risky"]}],
    "start": "ask",
    "nodes": {
        "ask": {"kind": "human", "ask": "well?", "outcomes": ["ok"], "routes": {"ok": "act"}},
        "act": {"kind": "tool", "tool": "risky", "with": {"x": 1}, "next": "end"},
    },
}


def waiting(*answers: str) -> Simulator:
    run = Simulator(GRAPH, run_card())
    run.say("start")
    for answer in answers:
        run.say(answer)
    return run


def refusal(run: Simulator, **fields: object) -> str:
    before = run.engine.view()
    answer = Answer.model_validate({"pause": "p1", "outcome": "ok", "by": "eve", **fields})
    told = [
        each for each in run.feed(events.AnswerArrived(run.now_ms, answer)) if isinstance(each, commands.TellAnswer)
    ]
    assert isinstance(told[0].outcome, Refusal)
    after = run.engine.view()
    assert after.refusals[-1] == told[0].outcome
    assert after.audit != before.audit
    assert after.model_copy(update={"refusals": before.refusals, "audit": before.audit}) == before
    return told[0].outcome.reason


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"pause": "p7"}, "no open pause `p7`; open: p1"),
        ({"outcome": "no"}, "not an outcome of p1; choose one of ok"),
        ({"digest": "0" * 64}, "the digest is not that of the question"),
        ({"scope": "run"}, "scope `run` goes with `approve` of a risky tool"),
        ({"scope": "tenant"}, "a `digest` is needed where signatures are"),
        ({"signature": "s"}, "`eve` is nobody whom the operator's policy knows"),
        ({"issued_at": "now"}, "`issued_at` is not an RFC 3339 time"),
        ({"issued_at": "2123-11-14T22:13:20Z"}, "`issued_at` is in the future"),
        ({"expires_at": "2023-11-14T22:13:20Z"}, "it has expired"),
        ({"data": "x" * (1024 * 1024)}, "at most 1,048,576 are taken"),
        ({"data": {"a": float("nan")}}, "data is not JSON"),
    ],
)
def test_answer_to_a_human_node_is_refused(fields: dict[str, object], why: str) -> None:
    assert why in refusal(waiting(), **fields)


def test_answer_with_the_right_digest_is_taken() -> None:
    run = waiting()
    answer = Answer(pause="p1", outcome="ok", digest=run.engine.pauses()[0].digest)
    run.feed(events.AnswerArrived(run.now_ms, answer))
    assert [pause.id for pause in run.engine.pauses()] == ["p2"]


def test_approval_takes_no_data() -> None:
    run = waiting("answer p1 ok")
    assert refusal(run, pause="p2", outcome="approve", data={"why": "I like it"}) == "outcome `approve` takes no data"


def test_second_answer_is_refused() -> None:
    assert refusal(waiting("answer p1 ok")) == "p1 was already answered, expired or was cancelled"


def test_answer_to_a_run_that_is_over_is_refused() -> None:
    run = waiting("answer p1 ok", "answer p2 approve", "ok act#1:1")
    assert refusal(run) == "the run is over"


def test_only_the_last_twenty_refusals_are_kept() -> None:
    run = waiting()
    for index in range(25):
        refusal(run, pause=f"q{index}")
    run.engine.note_refusal("not an object")
    reasons = [each.reason for each in run.engine.view().refusals]
    assert len(reasons) == 20
    assert reasons[-1] == "not an object"


def test_approval_travels_with_the_call_and_is_spent_by_it() -> None:
    run = waiting("answer p1 ok", "answer p2 approve")
    permit = run.every_call[0].payload["permit"]
    assert isinstance(permit, dict)
    assert (permit["pause"], permit["by"], permit["triggers"]) == ("p2", "claimed:ann", ["on_risky_tool"])
    run.say("fail act#1:1 ToolFailed broken")
    run.say("answer p3 retry")
    assert [pause.trigger for pause in run.engine.pauses()] == ["on_risky_tool"]
    assert len(run.every_call) == 1
