"""What a run lacks is asked for once, and whoever waits goes on when a worker has it."""

from __future__ import annotations

import pytest

from tests.support.lacking import LATE, fan, found, gap_of, graph, late_card, names, node, pause_of, probes, started
from workflows.engine import events

MODEL = graph({"one": {"kind": "model", "model": "grand", "prompt": "Hello", "next": "end"}})


def test_a_missing_tool_is_asked_for_with_all_that_is_known_of_it() -> None:
    run = started(graph({"one": node(x=7)}))
    pause, gap = pause_of(run), gap_of(run)
    assert (pause.trigger, pause.node, pause.outcomes, pause.on_timeout) == (
        "on_gap",
        "one",
        ("provide", "substitute", "continue_without", "decline"),
        "keep_waiting",
    )
    assert pause.ask == "node `one` lacks tool `late`"
    assert (gap.key, gap.kind, gap.name, gap.source, gap.asker) == (LATE, "tool", "late", "load", "one#1")
    assert (gap.example, gap.waiters, gap.probing, gap.failed) == ({"x": 7}, ("one#1",), False, "")
    assert run.engine.phase == "waiting"
    assert run.every_call == []


def test_a_word_provides_nothing_before_a_worker_has_looked() -> None:
    run = started(graph({"one": node()}))
    assert run.say("answer p1 provide") == ["accepted", "probe 1: tool late"]
    assert gap_of(run).probing
    assert run.engine.busy, "a run is not carried over while a worker looks for it"
    assert run.every_call == []
    found(run)
    assert names(run) == ["one#1:1"]
    assert run.engine.card.tools["late"] == late_card()
    run.say('ok one#1:1 {"y": 1}')
    assert run.engine.phase == "completed"


def test_what_is_not_found_leaves_the_question_open_with_the_reason_and_is_looked_for_again() -> None:
    run = started(graph({"one": node()}))
    asked = pause_of(run).digest
    run.say("answer p1 provide")
    run.say(f"unfound {LATE} this worker has no tool `late`")
    assert gap_of(run).failed == "this worker has no tool `late`"
    assert pause_of(run).digest == asked, "the question is the same"
    (refusal,) = run.engine.view().refusals
    assert (refusal.pause, refusal.outcome, refusal.reason) == ("p1", "provide", "this worker has no tool `late`")
    assert not run.engine.busy
    run.say("answer p1 provide")
    found(run)
    assert [probe.number for probe in probes(run)] == [1, 2]
    assert names(run) == ["one#1:1"]


def test_nobody_is_sent_to_look_twice_at_once() -> None:
    run = started(graph({"one": node()}))
    run.say("answer p1 provide")
    assert run.say("answer p1 provide") == ["refused: a worker is looking for it already: wait until it has"]
    assert len(probes(run)) == 1


def test_code_does_not_come_with_an_answer() -> None:
    run = started(graph({"one": node()}))
    (told,) = run.say('answer p1 provide {"code": "print(1)"}')
    assert told.startswith("refused: `provide` takes no data")
    assert probes(run) == []


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        (None, "the worker says that it has it, and not what it is"),
        ({"name": "late"}, "what the worker found does not parse"),
        (late_card(name="other").model_dump(mode="json"), "the worker found `other`"),
    ],
)
def test_what_a_worker_finds_must_be_what_was_looked_for(card: dict[str, object] | None, reason: str) -> None:
    run = started(graph({"one": node()}))
    run.say("answer p1 provide")
    run.feed(events.Probed(run.now_ms, LATE, card=card))
    assert reason in gap_of(run).failed
    assert set(run.engine.card.tools).isdisjoint({"late", "other"})
    assert run.every_call == []


def test_a_look_that_nobody_asked_for_changes_nothing() -> None:
    run = started(graph({"one": node()}))
    found(run)
    found(run, "tool:other:")
    assert "late" not in run.engine.card.tools
    assert run.every_call == []


def test_many_wait_and_one_is_asked() -> None:
    run = started(fan(), {"list": [1, 2, 3]})
    assert gap_of(run).waiters == ("split#1[0]/branch#1", "split#1[1]/branch#1", "split#1[2]/branch#1")
    run.say("answer p1 provide")
    found(run)
    assert names(run) == [f"split#1[{n}]/branch#1:1" for n in range(3)]
    for n in range(3):
        run.say(f'ok split#1[{n}]/branch#1:1 {{"y": {n}}}')
    assert names(run)[3:] == ["after#1:1"], "what is there is not asked for again"


def test_a_waiting_branch_gives_its_slot_back_and_holds_up_nobody() -> None:
    opening = {"branches": ["needy", "able"], "join": "after", "mode": "settle", "max_concurrency": 1}
    document = graph(
        {
            "split": {"kind": "plan", "rules": [{"fork": opening}]},
            "needy": {"kind": "tool", "tool": "late", "with": {"x": 1}},
            "able": {"kind": "tool", "tool": "keep", "with": {"x": 2}},
            "after": node("keep", 3),
        },
        "split",
    )
    run = started(document)
    assert names(run) == ["split#1[1]/able#1:1"]
    run.say("answer p1 provide")
    found(run)
    assert names(run) == ["split#1[1]/able#1:1"], "it waits for a slot again"
    run.say("ok split#1[1]/able#1:1 1")
    assert names(run)[1:] == ["split#1[0]/needy#1:1"]


def test_the_next_who_waits_takes_the_question_over() -> None:
    document = graph(
        {
            "split": {
                "kind": "plan",
                "rules": [{"fork": {"branches": ["inner", "two"], "join": "after", "mode": "settle"}}],
            },
            "inner": {
                "kind": "plan",
                "rules": [{"fork": {"branches": ["needy", "broken"], "join": "mid", "mode": "all"}}],
            },
            "needy": {"kind": "tool", "tool": "late", "with": {"x": 1}},
            "broken": {"kind": "tool", "tool": "keep", "with": {"x": 2}},
            "mid": {"kind": "tool", "tool": "keep", "with": {"x": 3}},
            "two": {"kind": "plan", "rules": [{"to": "third"}]},
            "third": {"kind": "tool", "tool": "late", "with": {"x": 9}},
            "after": node("keep"),
        },
        "split",
    )
    run = started(document)
    before = pause_of(run)
    assert before.node == "needy"
    run.say("fail split#1[0]/inner#1[1]/broken#1:1 ToolFailed broken")
    after, gap = pause_of(run), gap_of(run)
    assert (after.id, after.node, gap.waiters) == ("p1", "third", ("split#1[1]/third#1",))
    assert after.digest != before.digest, "what was signed for the one is not for the other"
    run.say("answer p1 provide")
    found(run)
    assert names(run)[1:] == ["split#1[1]/third#1:1"]


def test_the_last_who_waits_takes_the_question_along() -> None:
    run = started(fan(), {"list": [1, 2]})
    run.say("cancel")
    assert run.engine.pauses() == []
    assert run.engine.phase == "cancelled"


def test_a_model_is_asked_for_likewise() -> None:
    run = started(MODEL)
    assert gap_of(run).key == "model:grand:"
    run.say("answer p1 provide")
    card = run.engine.card.models["default"].model_copy(update={"alias": "grand"})
    run.feed(events.Probed(run.now_ms, "model:grand:", card=card.model_dump(mode="json")))
    assert names(run) == ["one#1:1"]
    assert run.engine.card.models["grand"] == card


def test_what_was_missing_at_the_start_is_missing_no_more() -> None:
    run = started(graph({"one": node()}))
    run.engine._m.card = run.engine.card.model_copy(update={"missing": ("tool:late", "model:grand")})
    run.card = run.engine.card
    run.say("answer p1 provide")
    found(run)
    assert run.engine.card.missing == ("model:grand",)


def test_an_example_that_is_too_long_is_not_kept() -> None:
    text = "a" * 9000
    run = started(graph({"one": node(x=text)}))
    assert gap_of(run).example is None
