"""Gaps where runs take turns: another policy, a waiter that goes, a model that is to be offered what has changed."""

from __future__ import annotations

from typing import Any

from tests.support.asking import people, taken
from tests.support.cards import policy_document, run_card, tool_card
from tests.support.lacking import found, gap_of, graph, names, node, pause_of, started
from tests.support.simulator import Simulator
from tests.unit.engine.test_agent_gaps import GRANTABLE, agent, args_of, begun, granting, told, wants
from workflows.engine import events

NEW = "f" * 64
PURE = tool_card("pure", {"x": "integer"}).model_copy(update={"digest": NEW})
KEY = f"tool_changed:pure:{NEW}"


def repin(run: Simulator, **policy: Any) -> None:
    """Put the run under another policy."""
    card = run_card(policy_document(**{"answerers": people(), **policy}))
    run.feed(events.Repinned(run.now_ms, "ada", card.policy, card.policy_digest))


def failed(run: Simulator, call: str, kind: str, **more: Any) -> None:
    run.feed(events.CallFailed(run.now_ms, call, kind, "it is another", 1, "no", **more))


def test_another_policy_puts_the_question_anew_to_whom_it_names() -> None:
    run = started(graph({"one": node()}), signed=True)
    before = pause_of(run)
    repin(run, triggers={"on_gap": {"answerers": ["role:finance"], "deadline": "1h"}})
    after = pause_of(run)
    assert (after.id, after.answerers, after.on_timeout) == (before.id, ("role:finance",), "decline")
    assert after.digest != before.digest
    taken(run, "p1", "provide", "cy")
    found(run)
    assert names(run) == ["one#1:1"]


def test_another_policy_keeps_a_call_that_waits_for_a_changed_tool() -> None:
    run = started(graph({"one": node("pure")}), signed=True)
    failed(run, "one#1:1", "ToolChanged", card=PURE.model_dump(mode="json"))
    repin(run, triggers={"on_gap": {"answerers": ["role:operator"]}})
    assert gap_of(run).key == KEY
    assert names(run) == ["one#1:1"]


def test_who_goes_without_having_asked_leaves_the_question_as_it_is() -> None:
    document = graph(
        {
            "split": {
                "kind": "plan",
                "rules": [{"fork": {"branches": ["first", "inner"], "join": "after", "mode": "settle"}}],
            },
            "first": {"kind": "tool", "tool": "late", "with": {"x": 1}},
            "inner": {
                "kind": "plan",
                "rules": [{"fork": {"branches": ["needy", "broken"], "join": "mid", "mode": "all"}}],
            },
            "needy": {"kind": "tool", "tool": "late", "with": {"x": 1}},
            "broken": {"kind": "tool", "tool": "keep", "with": {"x": 2}},
            "mid": {"kind": "tool", "tool": "keep", "with": {"x": 3}},
            "after": node("keep"),
        },
        "split",
    )
    run = started(document)
    before = pause_of(run)
    assert len(gap_of(run).waiters) == 2
    run.say("fail split#1[1]/inner#1[1]/broken#1:1 ToolFailed broken")
    assert (pause_of(run).digest, gap_of(run).waiters) == (before.digest, ("split#1[0]/first#1",))


def test_an_example_that_is_no_json_is_not_kept() -> None:
    run = started(graph({"one": node(x="${input.text}")}), {"text": "\ud800"})
    assert gap_of(run).example is None


def test_a_model_that_is_to_be_offered_a_changed_tool_is_offered_what_was_accepted() -> None:
    run = begun(agent("pure"))
    failed(run, "one#1:1", "ToolChanged", card=PURE.model_dump(mode="json"))
    assert gap_of(run).key == KEY
    run.say("answer p1 provide")
    run.feed(events.Probed(run.now_ms, KEY, card=PURE.model_dump(mode="json")))
    first, second = run.every_call
    assert f"pure@{NEW[:12]}" in args_of(run)["toolset"]
    assert "request_capability@000000000000" in args_of(run)["toolset"]
    assert second.payload["key"] != first.payload["key"]


def test_a_tool_that_a_model_is_to_be_offered_and_no_worker_has_is_waited_for() -> None:
    run = begun(agent("pure"))
    failed(run, "one#1:1", "Gap", lacks="pure")
    assert gap_of(run).key == "tool:pure:"
    run.say("answer p1 provide")
    run.feed(events.Probed(run.now_ms, "tool:pure:", card=run.engine.card.tools["pure"].model_dump(mode="json")))
    assert names(run) == ["one#1:1", "one#1:1"]


def test_a_tool_that_was_gone_and_is_another_now_is_shown_first() -> None:
    run = begun(agent("pure"))
    failed(run, "one#1:1", "Gap", lacks="pure")
    run.say("answer p1 provide")
    run.feed(events.Probed(run.now_ms, "tool:pure:", card=PURE.model_dump(mode="json")))
    assert names(run) == ["one#1:1"]
    assert gap_of(run).kind == "tool_changed"


def test_an_agent_is_told_at_once_of_a_version_that_was_declined() -> None:
    run = begun(agent("pure"))
    wants(run, ("pure", {"x": 1}))
    failed(run, "one#1:2", "ToolChanged", card=PURE.model_dump(mode="json"))
    run.say("answer p1 decline")
    assert told(run)[0]["type"] == "denied"
    wants(run, ("pure", {"x": 2}), call=run.every_call[-1].call)
    failed(run, run.every_call[-1].call, "ToolChanged", card=PURE.model_dump(mode="json"))
    assert run.engine.pauses() == []
    assert "declined it" in told(run)[0]["message"]


def test_an_agent_s_version_that_changes_into_a_declined_one_is_refused() -> None:
    run = begun(agent("pure"))
    wants(run, ("pure", {"x": 1}))
    failed(run, "one#1:2", "ToolChanged", card=PURE.model_dump(mode="json"))
    run.say("answer p1 decline")
    wants(run, ("pure", {"x": 2}), call=run.every_call[-1].call)
    other = PURE.model_copy(update={"digest": "9" * 64})
    failed(run, run.every_call[-1].call, "ToolChanged", card=other.model_dump(mode="json"))
    run.say("answer p2 provide")
    key = f"tool_changed:pure:{'9' * 64}"
    run.feed(events.Probed(run.now_ms, key, card=PURE.model_dump(mode="json")))
    assert run.engine.pauses() == []
    assert "declined it" in told(run)[0]["message"]


def test_a_skill_is_provided_with_its_card() -> None:
    run = begun(agent("pure", skills=["styling"]), ("skill:styling",))
    assert gap_of(run).kind == "skill"
    run.say("answer p1 provide")
    card: dict[str, object] = {"name": "styling", "description": "How to write.", "digest": "a" * 64}
    run.feed(events.Probed(run.now_ms, "skill:styling:", card=card))
    assert run.engine.card.skills["styling"].description == "How to write."
    assert names(run)


def test_what_was_granted_under_another_policy_is_void() -> None:
    run = granting()
    taken(run, "p1", "grant", "ada")
    repin(run, **GRANTABLE)
    wants(run, ("web", {"host": "api.example.org"}), call=run.every_call[-1].call)
    assert told(run)[0]["type"] == "denied"
