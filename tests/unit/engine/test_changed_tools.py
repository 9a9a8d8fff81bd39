"""A run keeps the tool that it first had; another version is asked about, with what has changed."""

from __future__ import annotations

from typing import Any

import pytest

from policies.model import Effect, Risk
from tests.support.cards import tool_card
from tests.support.lacking import found, gap_of, graph, names, node, pause_of, started
from tests.support.simulator import Simulator
from workflows.contracts.run import NeedCard, ToolCard
from workflows.engine import events
from workflows.engine.tool_diff import tool_diff

OLD = tool_card("keep", {"x": "integer"}, effect=Effect.IDEMPOTENT)
NEW = "f" * 64
KEY = f"tool_changed:keep:{NEW}"


def changed(**changes: Any) -> ToolCard:
    """The tool as the worker has it by now."""
    return OLD.model_copy(update={"digest": NEW, **changes})


def refused(run: Simulator, call: str, card: ToolCard | None) -> None:
    """The worker finds another version than the run's, and does not run it."""
    given = None if card is None else card.model_dump(mode="json")
    run.feed(events.CallFailed(run.now_ms, call, "ToolChanged", "it is another", 1, "no", card=given))


def waiting(card: ToolCard | None = None) -> Simulator:
    """A run whose one call waits for people to look at a changed tool."""
    run = started(graph({"one": node("keep")}))
    refused(run, "one#1:1", card or changed(risk=Risk.HIGH))
    return run


def test_people_are_shown_what_has_changed_and_the_call_that_waits() -> None:
    run = waiting()
    pause, gap = pause_of(run), gap_of(run)
    assert (gap.key, gap.digest, pause.outcomes) == (KEY, NEW, ("provide", "continue_without", "decline"))
    assert "risk: low → high" in gap.diff
    assert pause.show is not None
    assert gap.diff in pause.show, "what is signed covers it"
    assert pause.call is not None
    assert (pause.call.name, pause.call.args, pause.call.tool_digest) == ("keep", {"x": 1}, OLD.digest)
    assert "another than when the run first had it" in pause.ask


def test_what_was_accepted_is_pinned_and_the_call_passes_the_gate_as_what_it_is_now() -> None:
    run = waiting()
    run.say("answer p1 provide")
    found(run, KEY, changed(risk=Risk.HIGH))
    assert run.engine.card.tools["keep"].digest == NEW
    assert pause_of(run).trigger == "on_risky_tool", "its risk is another, so people are asked for that"
    run.say("answer p2 approve")
    first, second = run.every_call
    assert (second.call, second.activity_id.endswith("~1")) == ("one#1:1", True)
    assert second.payload["tool"] == NEW[:12] != first.payload["tool"]
    assert second.payload["key"] == first.payload["key"], "the effect is the same one"


def test_a_version_that_nobody_was_shown_is_asked_about_anew() -> None:
    run = waiting()
    other = changed(digest="9" * 64, risk=Risk.CRITICAL)
    run.say("answer p1 provide")
    found(run, KEY, other)
    assert run.engine.card.tools["keep"].digest == OLD.digest
    assert (pause_of(run).id, gap_of(run).digest) == ("p2", "9" * 64)
    assert "risk: low → critical" in gap_of(run).diff
    run.say("answer p2 provide")
    run.say(f"unfound tool_changed:keep:{'9' * 64} gone")
    assert gap_of(run).failed == "gone"
    assert names(run) == ["one#1:1"]


def test_a_version_that_was_declined_is_not_asked_about_again() -> None:
    document = graph({"one": node("keep", on_failure={"to": "two"}), "two": node("keep", on_failure="fail")})
    run = started(document)
    refused(run, "one#1:1", changed())
    run.say("answer p1 decline")
    refused(run, "two#1:1", changed())
    error = run.engine.view().error
    assert error is not None
    assert (error.type, run.engine.pauses_asked) == ("Declined", 1)
    assert f"{KEY}" in run.engine._m.state.declined


def test_a_declined_version_that_comes_again_is_not_asked_about_either() -> None:
    run = started(graph({"one": node("keep", on_failure={"to": "two"}), "two": node("keep", on_failure="fail")}))
    refused(run, "one#1:1", changed())
    run.say("answer p1 decline")
    refused(run, "two#1:1", changed(digest="9" * 64))
    run.say("answer p2 provide")
    found(run, f"tool_changed:keep:{'9' * 64}", changed())
    assert run.engine.phase == "failed"
    assert run.engine.pauses() == []


def test_the_old_version_put_back_lets_the_call_go_on() -> None:
    run = waiting()
    run.say("answer p1 provide")
    found(run, KEY, OLD)
    assert names(run) == ["one#1:1", "one#1:1"]
    assert run.engine.card.tools["keep"].digest == OLD.digest


def test_arguments_that_the_new_version_does_not_take_fail_the_call() -> None:
    other = tool_card("keep", {"y": "integer"}).model_copy(update={"digest": NEW})
    run = started(graph({"one": node("keep", on_failure="fail")}))
    refused(run, "one#1:1", other)
    run.say("answer p1 provide")
    found(run, KEY, other)
    error = run.engine.view().error
    assert error is not None
    assert error.type == "ToolFailed"
    assert "as it is now" in error.message
    assert names(run) == ["one#1:1"]


def fan() -> Simulator:
    """Two calls of one tool at once."""
    fork = {"branches": ["a", "b"], "join": "after", "mode": "settle"}
    call = {"kind": "tool", "tool": "keep", "with": {"x": 1}}
    rules = [{"fork": fork}]
    return started(
        graph({"split": {"kind": "plan", "rules": rules}, "a": call, "b": call, "after": node("keep")}, "split")
    )


def test_a_call_that_was_under_way_with_the_old_version_just_goes_again() -> None:
    run = fan()
    refused(run, "split#1[0]/a#1:1", changed())
    run.say("answer p1 provide")
    found(run, KEY, changed())
    refused(run, "split#1[1]/b#1:1", changed())
    assert run.engine.pauses() == []
    assert names(run)[-1] == "split#1[1]/b#1:1"


def test_a_call_that_was_under_way_and_fits_no_more_fails() -> None:
    run = fan()
    other = tool_card("keep", {"y": "integer"}).model_copy(update={"digest": NEW})
    refused(run, "split#1[0]/a#1:1", other)
    run.say("answer p1 provide")
    found(run, KEY, other)
    refused(run, "split#1[1]/b#1:1", other)
    assert {one.node: one.status for one in run.engine.view().nodes if one.node in "ab"} == {
        "a": "failed",
        "b": "failed",
    }


@pytest.mark.parametrize("card", [None, "nonsense", changed(name="other")])
def test_a_change_that_the_worker_cannot_show_is_a_failure(card: ToolCard | str | None) -> None:
    run = started(graph({"one": node("keep", on_failure="fail")}))
    shown: dict[str, object] | None = {"name": "keep"} if isinstance(card, str) else None
    given = card.model_dump(mode="json") if isinstance(card, ToolCard) else shown
    run.feed(events.CallFailed(run.now_ms, "one#1:1", "ToolChanged", "it is another", 1, "no", card=given))
    error = run.engine.view().error
    assert error is not None
    assert error.type == "ToolChanged"


@pytest.mark.parametrize("card", [None, {"name": "keep", "digest": "7"}])
def test_a_look_that_shows_nothing_leaves_the_question_open(card: dict[str, object] | None) -> None:
    run = waiting()
    run.say("answer p1 provide")
    run.feed(events.Probed(run.now_ms, KEY, card=card))
    assert gap_of(run).failed
    assert run.engine.card.tools["keep"].digest == OLD.digest


def test_a_tool_that_no_worker_has_any_more_is_waited_for() -> None:
    run = started(graph({"one": node("keep")}))
    run.feed(events.CallFailed(run.now_ms, "one#1:1", "Gap", "tool `keep` is not on this worker", 4, "no"))
    assert (gap_of(run).key, gap_of(run).source) == ("tool:keep:", "call")
    run.say("answer p1 provide")
    found(run, "tool:keep:", OLD)
    assert names(run) == ["one#1:1", "one#1:1"]


def test_a_lost_tool_that_another_stands_in_for() -> None:
    run = started(graph({"one": node("keep")}))
    run.feed(events.CallFailed(run.now_ms, "one#1:1", "Gap", "gone", 4, "no"))
    run.say('answer p1 substitute {"name": "pure"}')
    assert [call.activity for call in run.every_call] == ["keep", "pure"]


def test_a_key_that_is_missing_is_no_crash() -> None:
    run = started(graph({"one": {"kind": "model", "model": "default", "prompt": "Hi", "next": "end"}}))
    run.feed(events.CallFailed(run.now_ms, "one#1:1", "CredentialMissing", "no key", 1, "no"))
    assert (gap_of(run).key, pause_of(run).outcomes) == (
        "credential:default:",
        ("provide", "continue_without", "decline"),
    )
    run.say("answer p1 provide")
    run.say("unfound credential:default: `env:KEY` is not set")
    run.say("answer p1 provide")
    run.feed(events.Probed(run.now_ms, "credential:default:"))
    assert names(run) == ["one#1:1", "one#1:1"]


def test_a_key_that_people_declined_fails_the_node_at_once_the_next_time() -> None:
    model = {"kind": "model", "model": "default", "prompt": "Hi"}
    document = graph({"one": {**model, "on_failure": {"to": "two"}, "next": "end"}, "two": {**model, "next": "end"}})
    run = started(document)
    run.feed(events.CallFailed(run.now_ms, "one#1:1", "CredentialMissing", "no key", 1, "no"))
    run.say("answer p1 decline")
    run.feed(events.CallFailed(run.now_ms, "two#1:1", "CredentialMissing", "no key", 1, "no"))
    error = run.engine.view().error
    assert error is not None
    assert (error.type, run.engine.pauses_asked) == ("Declined", 1)


def test_where_nobody_could_answer_a_missing_key_is_a_failure_as_it_was() -> None:
    triggers = {"on_gap": {"answerers": ["role:operator"], "not_starter": True}, "on_failure": {"ui": "modal"}}
    model = {"kind": "model", "model": "default", "prompt": "Hi", "next": "end"}
    run = started(graph({"one": model}), signed=True, triggers=triggers)
    run.feed(events.CallFailed(run.now_ms, "one#1:1", "CredentialMissing", "no key", 1, "no"))
    assert pause_of(run).trigger == "on_failure"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"effect": Effect.ONCE}, "effect: idempotent → once"),
        ({"risk": Risk.HIGH}, "risk: low → high"),
        ({"timeout_s": 2.5}, "timeout: 10 s → 2.5 s"),
        (
            {"needs": (NeedCard(kind="net", arg="x"), NeedCard(kind="env", value="K"))},
            "needs: nothing → net of `x`, env:K",
        ),
        ({"labels": ("external",)}, "labels: none → external"),
        ({"input_schema": {**OLD.input_schema, "description": "New."}}, 'description: null → "New."'),
        (
            {"input_schema": {**OLD.input_schema, "required": []}},
            'argument `x`: {"type":"integer"} (required) → {"type":"integer"}',
        ),
        ({"input_schema": {**OLD.input_schema, "additionalProperties": True}}, '"additionalProperties":true'),
        ({"input_schema": {"type": "object"}}, 'argument `x`: gone (it was {"type":"integer"} (required))'),
        ({}, "code: another; what is declared is the same"),
    ],
)
def test_a_change_is_told_in_a_line(changes: dict[str, Any], line: str) -> None:
    diff = tool_diff(OLD, changed(**changes))
    assert line in diff
    assert diff.endswith(f"digest: {OLD.digest[:12]} → {NEW[:12]}")


def test_a_new_argument_is_told_and_the_same_tool_has_no_other_code() -> None:
    more = tool_card("keep", {"x": "integer", "y": "string"})
    assert 'argument `y`: new, {"type":"string"} (required)' in tool_diff(OLD, more)
    assert "code" not in tool_diff(OLD, OLD)
