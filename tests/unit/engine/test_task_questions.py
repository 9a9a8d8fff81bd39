"""Where the policy asks about each task, nothing starts before a person has said so."""

from __future__ import annotations

from tests.support.cards import policy_document, run_card
from tests.support.signers import public_key
from tests.support.simulator import Simulator

GRAPH: dict[str, object] = {
    "graph": "g",
    "version": "1.0.0",
    "capabilities": [{"tool": ["**"]}],
    "start": "one",
    "nodes": {
        "one": {"kind": "tool", "tool": "keep", "with": {"x": 1}, "next": "look"},
        "look": {"kind": "plan", "rules": [{"to": "two"}]},
        "two": {"kind": "tool", "tool": "keep", "with": {"x": 2}, "next": "end"},
    },
}


def run(document: dict[str, object] = GRAPH, **rule: object) -> Simulator:
    triggers = {"on_task": {"ui": "modal", **rule}}
    found = Simulator(document, run_card(policy_document(triggers=triggers)))
    found.say("start")
    return found


def test_nothing_starts_before_the_yes_and_each_task_is_asked_about() -> None:
    one = run()
    (pause,) = one.engine.pauses()
    assert (pause.trigger, pause.outcomes, pause.node) == ("on_task", ("approve", "skip", "abort"), "one")
    assert one.every_call == []
    one.say(f"answer {pause.id} approve")
    assert [call.call for call in one.every_call] == ["one#1:1"]
    one.say('ok one#1:1 {"y": 1}')
    (pause,) = one.engine.pauses()
    assert pause.node == "two", "a plan only routes, so nobody is asked about it"
    one.say(f"answer {pause.id} approve")
    one.say('ok two#1:1 {"y": 2}')
    assert one.engine.phase == "completed"


def test_without_the_trigger_the_task_starts_at_once() -> None:
    one = Simulator(GRAPH, run_card(policy_document()))
    one.say("start")
    assert [call.call for call in one.every_call] == ["one#1:1"]


def test_a_skipped_task_never_runs() -> None:
    one = run()
    one.say("answer p1 skip")
    one.say("answer p2 skip")
    assert one.engine.phase == "completed"
    assert one.every_call == []


def test_an_abort_ends_the_run() -> None:
    one = run()
    one.say("answer p1 abort")
    assert one.engine.phase == "aborted"
    assert one.every_call == []


def test_silence_aborts_by_default() -> None:
    one = run(deadline="1h")
    assert one.timers
    one.say("+3600000 timer pause:p1")
    assert one.engine.phase == "aborted"


def test_a_toast_only_tells() -> None:
    one = run(ui="toast")
    assert [call.call for call in one.every_call] == ["one#1:1"]
    assert "node `one` is about to start [on_task]" in one.engine.view().warnings


def test_a_node_that_nobody_could_let_start_fails() -> None:
    """Whoever started the run may not answer, and nobody knows who that was."""
    answerers = {"require_signature": True, "people": [{"id": "ann", "public_key": public_key("ann")}]}
    policy = policy_document(triggers={"on_task": {"not_starter": True}}, answerers=answerers)
    one = Simulator(GRAPH, run_card(policy))
    one.say("start")
    error = one.engine.view().error
    assert error is not None
    assert error.type == "PolicyDenied"
    assert "nobody signed its start" in error.message
    assert one.every_call == []
