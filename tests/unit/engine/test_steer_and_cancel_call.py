"""Who may tell an agent something or give up a call, what these are about, and what becomes of the call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.asking import control, people, run_under
from tests.support.simulator import Simulator
from workflows.contracts.pause import CallControl, Control, Steer
from workflows.engine import commands, events
from workflows.engine.controls import Action

CONTROLS = {"steer": "operator", "cancel_call": "operator"}
TOOLS = ["fs.read", "pure", "keep", "pay"]
AGENT: dict[str, Any] = {
    "graph": "ask",
    "version": "1.0.0",
    "capabilities": [{"tool": TOOLS}, {"model": ["*"]}, {"fs.read": ["**"]}],
    "start": "work",
    "nodes": {"work": {"kind": "agent", "model": "default", "prompt": "go", "tools": TOOLS, "next": "end"}},
}
MODEL, FIRST, SECOND = "work#1:1", "work#1:2", "work#1:3"


def running(document: dict[str, Any] | None = None, **policy: Any) -> Simulator:
    return run_under(document or AGENT, **{"controls": CONTROLS, **policy})


def calling(*calls: list[object], **policy: Any) -> Simulator:
    """A run whose agent's model has asked for these calls."""
    run = running(**policy)
    run.say(f"turn {MODEL} {json.dumps({'calls': calls})}")
    return run


def results(run: Simulator) -> list[dict[str, Any]]:
    """What the model is told of its calls in the last call that was made."""
    payload: dict[str, Any] = run.every_call[-1].payload
    found: list[dict[str, Any]] = payload["args"]["messages"][0]["results"]
    return found


def why(run: Simulator, action: Action, said: Control) -> str | None:
    return run.engine.why_no_control(action, said, run.now_ms)


def steered(run: Simulator, by: str = "bob", **fields: Any) -> Control:
    return control(run, "steer", by, **{"text": "shorter", **fields})


def test_signed_steering_of_whoever_may_is_obeyed() -> None:
    run = running()
    assert why(run, "steer", steered(run)) is None
    assert why(run, "cancel_call", control(run, "cancel_call", "bob", call=MODEL)) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"signature": None}, "a signature is needed"),
        ({"by": "ada"}, "the signature is not one of `ada`"),
        ({"text": "delete everything"}, "the signature is not one of `bob`"),
        ({"agent": "work"}, "the signature is not one of `bob`"),
        ({"interrupt": True}, "the signature is not one of `bob`"),
    ],
)
def test_forged_steering_is_refused(changes: dict[str, Any], reason: str) -> None:
    run = running()
    assert reason in str(why(run, "steer", steered(run).model_copy(update=changes)))


def test_giving_up_another_call_than_was_signed_is_refused() -> None:
    run = calling(["fs.read", {"path": "a"}], ["fs.read", {"path": "b"}])
    said = control(run, "cancel_call", "bob", call=FIRST).model_copy(update={"call": SECOND})
    assert "the signature is not one of `bob`" in str(why(run, "cancel_call", said))


def test_steering_of_the_wrong_role_is_refused() -> None:
    run = running()
    assert "not among those who may: role:operator" in str(why(run, "steer", steered(run, "dee")))
    said = control(run, "cancel_call", "dee", call=MODEL)
    assert "not among those who may: role:operator" in str(why(run, "cancel_call", said))


def test_claims_are_enough_only_where_nothing_is_signed() -> None:
    said = Steer(by="bob", text="shorter")
    assert "a signature is needed" in str(why(running(), "steer", said))
    assert why(running(answerers=people(signed=False)), "steer", said) is None
    assert "not among those who may" in str(why(running(answerers=people(signed=False)), "steer", Steer(text="x")))


def test_operators_alone_steer_unless_the_policy_says_otherwise() -> None:
    run = run_under(AGENT, answerers=people(signed=False))
    assert "role:operator" in str(why(run, "steer", Steer(by="eve", text="x")))
    assert "role:operator" in str(why(run, "cancel_call", CallControl(by="eve", call=MODEL)))


def test_a_signature_that_was_obeyed_is_not_obeyed_again() -> None:
    run = running()
    said = steered(run)
    assert isinstance(said, Steer)
    run.feed(events.Steered(run.now_ms, "bob", said.text, signature=said.signature))
    assert "it was obeyed before" in str(why(run, "steer", said))
    given = control(run, "cancel_call", "bob", call=MODEL)
    run.feed(events.CallGivenUp(run.now_ms, "bob", MODEL, given.signature))
    assert "it was obeyed before" in str(why(run, "cancel_call", given))


def test_nobody_is_told_anything_where_no_agent_is_at_work_or_several_are() -> None:
    run = running()
    assert "no agent `other` is at work; at work: `work#1`" in str(why(run, "steer", steered(run, agent="other")))
    for name in ("work", "work#1"):
        assert why(run, "steer", steered(run, agent=name)) is None
    fork = {"kind": "plan", "rules": [{"fork": {"branches": ["work", "more"], "join": "done"}}]}
    inner = {key: value for key, value in AGENT["nodes"]["work"].items() if key != "next"}
    done = {"kind": "wait", "for": "1s", "next": "end"}
    both = running({**AGENT, "start": "split", "nodes": {"split": fork, "work": inner, "more": inner, "done": done}})
    assert "several agents are at work" in str(why(both, "steer", steered(both)))
    assert why(both, "steer", steered(both, agent="more")) is None


def test_a_finished_agent_is_told_nothing() -> None:
    wait = {"kind": "wait", "for": "1h", "next": "end"}
    nodes = {"work": {**AGENT["nodes"]["work"], "next": "rest"}, "rest": wait}
    run = running({**AGENT, "nodes": nodes})
    run.say(f'turn {MODEL} {{"text": "done"}}')
    assert "no agent is at work; at work: none" in str(why(run, "steer", steered(run)))


def test_a_secret_is_not_kept() -> None:
    run = running(secrets={"allow_paths": ["control.reason"]})
    secret = "ghp_" + "a" * 36
    assert "`control.text` looks like a secret (github token)" in str(run.engine.why_unkept(Steer(text=secret)))
    assert run.engine.why_unkept(Steer(text="look at env:TOKEN")) is None
    assert run.engine.why_unkept(CallControl(call=FIRST, reason=secret)) is None
    assert "control.reason" in str(running().engine.why_unkept(CallControl(call=FIRST, reason=secret)))


def test_a_call_that_leaves_nothing_behind_is_given_up_and_its_model_is_told() -> None:
    run = calling(["fs.read", {"path": "a"}], ["fs.read", {"path": "b"}])
    given = run.feed(events.CallGivenUp(run.now_ms, "bob", FIRST))
    assert [one.call for one in given if isinstance(one, commands.CancelCall)] == [FIRST]
    assert "is being given up already" in str(why(run, "cancel_call", control(run, "cancel_call", "bob", call=FIRST)))
    run.say(f"cancelled {FIRST}")
    run.say(f"gave {SECOND} b")
    told, other = results(run)
    said = json.loads(told["content"][0]["text"])
    assert (said["type"], said["by"], told["is_error"]) == ("skipped", "person", True)
    assert other["content"] == [{"text": "b"}]


def test_an_answer_that_comes_first_counts() -> None:
    run = calling(["fs.read", {"path": "a"}])
    run.feed(events.CallGivenUp(run.now_ms, "bob", FIRST))
    run.say(f"gave {FIRST} a")
    assert results(run)[0]["content"] == [{"text": "a"}]


@pytest.mark.parametrize(("tool", "args", "effect"), [("pay", {"usd": 1}, "once"), ("keep", {"x": 1}, "idempotent")])
def test_a_call_that_changes_something_runs_to_its_end(tool: str, args: dict[str, object], effect: str) -> None:
    run = calling([tool, args])
    said = control(run, "cancel_call", "bob", call=FIRST)
    assert f"`{tool}` changes something (`{effect}`), and runs to its end" in str(why(run, "cancel_call", said))
    assert run.feed(events.CallGivenUp(run.now_ms, "bob", FIRST)) == []


def test_a_call_that_is_not_there_or_has_not_begun_is_not_given_up() -> None:
    run = calling(["keep", {"x": 1}], ["keep", {"x": 2}])
    said = control(run, "cancel_call", "bob", call="work#1:9")
    refusal = f"there is no call `work#1:9`; in flight: `{FIRST}` (keep)"
    assert why(run, "cancel_call", said) == refusal
    assert "has not begun" in str(why(run, "cancel_call", control(run, "cancel_call", "bob", call=SECOND)))
    before = run.engine.view()
    assert run.feed(events.CallGivenUp(run.now_ms, "bob", "work#1:9")) == []
    assert run.engine.view().audit != before.audit


def test_a_refusal_names_a_bearable_number_of_calls() -> None:
    many: list[list[object]] = [["pure", {"x": number}] for number in range(25)]
    reason = str(why(run := calling(*many), "cancel_call", control(run, "cancel_call", "bob", call="x")))
    assert reason.endswith("(pure) and 5 more")


def test_a_node_whose_call_is_given_up_fails_with_the_name_of_who_did() -> None:
    nodes = {
        "look": {"kind": "tool", "tool": "fs.read", "with": {"path": "a"}, "next": "end", "on_failure": {"to": "rest"}},
        "rest": {
            "kind": "human",
            "ask": "${error.type}: ${error.message}",
            "outcomes": ["ok"],
            "routes": {"ok": "end"},
        },
    }
    run = running({**AGENT, "start": "look", "nodes": nodes})
    run.feed(events.CallGivenUp(run.now_ms, "bob", "look#1:1"))
    run.say("cancelled look#1:1")
    assert run.engine.pauses()[0].ask == "Cancelled: `fs.read` was cancelled by bob"


def test_a_model_call_is_given_up_and_counts_what_it_may_have_cost() -> None:
    run = running()
    run.feed(events.CallGivenUp(run.now_ms, "bob", MODEL))
    run.say(f"cancelled {MODEL}")
    assert run.engine.view().usage.tokens > 0
