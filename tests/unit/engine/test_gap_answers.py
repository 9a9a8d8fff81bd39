"""What people may say of a gap: another thing, go on without, a signed grant, no; and who may say it."""

from __future__ import annotations

import pytest

from tests.support.asking import refused, said, taken
from tests.support.lacking import LATE, fan, found, graph, names, node, pause_of, probes, started
from workflows.contracts.pause import Refusal

TOAST = {"on_gap": {"ui": "toast", "on_timeout": "continue_without"}}


def test_another_tool_that_the_run_has_stands_in_from_then_on() -> None:
    run = started(fan(), {"list": [1]})
    run.say('answer p1 substitute {"name": "keep"}')
    (call,) = run.every_call
    assert (call.activity, call.payload["args"]) == ("keep", {"x": 1})
    run.say('ok split#1[0]/branch#1:1 {"y": 1}')
    assert run.every_call[1].activity == "keep", "nobody is asked again"
    assert run.engine.pauses() == []


def test_what_stands_in_passes_the_gate_like_any_call() -> None:
    run = started(graph({"one": node()}))
    run.say('answer p1 substitute {"name": "risky"}')
    assert pause_of(run).trigger == "on_risky_tool"
    assert run.every_call == []


@pytest.mark.parametrize("data", ['{"name": "nothing"}', '{"name": "late"}'])
def test_only_what_the_run_has_can_stand_in(data: str) -> None:
    run = started(graph({"one": node()}))
    (told,) = run.say(f"answer p1 substitute {data}")
    assert "that could stand for it; it has" in told


@pytest.mark.parametrize("data", ["", '{"name": 3}', '{"name": "keep", "code": "x"}', '"keep"'])
def test_a_substitute_is_named_and_nothing_more(data: str) -> None:
    run = started(graph({"one": node()}))
    (told,) = run.say(f"answer p1 substitute {data}".rstrip())
    assert "data must be" in told
    assert run.every_call == []


def test_another_model_stands_in() -> None:
    run = started(graph({"one": {"kind": "model", "model": "grand", "prompt": "Hi", "next": "end"}}))
    run.say('answer p1 substitute {"name": "small"}')
    assert [call.activity for call in run.every_call] == ["model.cheap"]


def test_a_node_without_routes_is_skipped_and_nobody_is_asked_at_its_next_visit() -> None:
    again = {"kind": "plan", "rules": [{"when": "visit < 2", "to": "one"}, {"to": "end"}]}
    run = started(graph({"one": node(next="more"), "more": again}))
    run.say("answer p1 continue_without")
    assert run.engine.phase == "completed"
    assert [one.status for one in run.engine.view().nodes if one.kind == "tool"] == ["skipped", "skipped"]
    assert run.every_call == []


CHECK = {
    "kind": "validate",
    "checks": [{"name": "late", "tool": "late", "with": {"x": 1}, "when": "result.y == 1"}],
    "routes": {"pass": "end", "fail": "fail"},
}


def test_a_node_that_needs_an_outcome_cannot_go_on_without() -> None:
    run = started(graph({"one": CHECK}))
    assert "continue_without" not in pause_of(run).outcomes
    run.say("answer p1 provide")
    found(run)
    run.say('ok one#1:1 {"y": 1}')
    assert run.engine.phase == "completed"


def test_whoever_cannot_go_on_without_fails_where_others_can() -> None:
    fork = {"branches": ["able", "unable"], "join": "after", "mode": "settle"}
    routes = {"pass": "done", "fail": "done"}
    document = graph(
        {
            "split": {"kind": "plan", "rules": [{"fork": fork}]},
            "able": {"kind": "tool", "tool": "late", "with": {"x": 1}},
            "unable": {**CHECK, "routes": routes},
            "done": {"kind": "tool", "tool": "keep", "with": {"x": 1}},
            "after": node("keep"),
        },
        "split",
    )
    run = started(document)
    run.say("answer p1 continue_without")
    status = {one.node: one.status for one in run.engine.view().nodes}
    assert (status["able"], status["unable"]) == ("skipped", "failed")


def test_what_was_declined_is_not_asked_about_again() -> None:
    run = started(fan(), {"list": [1, 2]})
    run.say("answer p1 decline")
    view = run.engine.view()
    assert run.engine.phase == "failed"
    assert view.error is not None
    assert view.error.type == "Declined"
    assert view.error.message == "tool `late`: it is not to be had: claimed:ann declined it"
    assert [one.node for one in view.nodes if one.status == "failed"] == ["branch", "branch", "after"]
    assert run.engine.pauses_asked == 1


def test_a_person_s_no_takes_the_edge_that_the_graph_has_for_it() -> None:
    run = started(graph({"one": node(on_failure={"to": "two"}), "two": node("keep")}))
    run.say("answer p1 decline")
    assert names(run) == ["two#1:1"]


def test_silence_is_a_no_if_the_policy_says_until_when() -> None:
    triggers = {"on_gap": {"deadline": "1h", "on_timeout": "decline"}}
    run = started(graph({"one": node()}), triggers=triggers)
    run.say("+3600000 timer pause:p1")
    error = run.engine.view().error
    assert error is not None
    assert error.message == "tool `late`: it is not to be had: nobody answered in time"


def test_silence_that_a_node_cannot_follow_is_a_no() -> None:
    triggers = {"on_gap": {"deadline": "1h", "on_timeout": "continue_without"}}
    run = started(graph({"one": CHECK}), triggers=triggers)
    assert pause_of(run).on_timeout == "decline"


def test_an_abort_ends_the_run_for_all_who_wait() -> None:
    run = started(fan(), {"list": [1, 2]}, triggers={"on_gap": {"deadline": "1h", "on_timeout": "abort"}})
    run.say("+3600000 timer pause:p1")
    assert run.engine.phase == "aborted"
    assert run.engine.pauses() == []


def test_a_toast_does_not_pass_for_what_is_needed() -> None:
    run = started(graph({"one": node()}), triggers=TOAST)
    pause = pause_of(run)
    assert (pause.ui, pause.deadline) == ("modal", None)
    assert run.timers == {}


def test_a_second_answer_while_a_worker_looks_counts() -> None:
    run = started(graph({"one": node()}))
    run.say("answer p1 provide")
    run.say("answer p1 decline")
    assert run.engine.phase == "failed"
    found(run)
    assert run.every_call == []


def test_provide_by_somebody_who_may_not_is_refused() -> None:
    triggers = {"on_gap": {"answerers": ["role:operator"]}}
    run = started(graph({"one": node()}), signed=True, triggers=triggers)
    assert "`dee` is not among those who may" in refused(run, "p1", "provide", "dee")
    unsigned = said(run, run._answer("p1", "provide", ["by=ada"]))
    assert isinstance(unsigned, Refusal)
    assert probes(run) == []
    taken(run, "p1", "provide", "ada")
    found(run)
    assert names(run) == ["one#1:1"]


def test_without_the_rule_anybody_s_word_sends_a_worker_to_look() -> None:
    run = started(graph({"one": node()}), signed=True)
    taken(run, "p1", "provide", "dee")
    assert len(probes(run)) == 1


def test_several_must_say_so_each_time() -> None:
    triggers = {"on_gap": {"answerers": ["role:operator"], "quorum": 2}}
    run = started(graph({"one": node()}), signed=True, triggers=triggers)
    assert taken(run, "p1", "provide", "ada").waits_for == 1
    assert taken(run, "p1", "provide", "bob").waits_for == 0
    run.say(f"unfound {LATE} not here")
    assert taken(run, "p1", "provide", "cy").waits_for == 1, "who said it before has not said it of this look"
    assert len(probes(run)) == 1


def test_where_nobody_could_answer_the_node_fails() -> None:
    triggers = {"on_gap": {"answerers": ["role:finance"], "not_starter": True}}
    run = started(graph({"one": node(on_failure="fail")}), signed=True, triggers=triggers)
    error = run.engine.view().error
    assert error is not None
    assert error.type == "Gap"
    assert "nobody can be asked for it" in error.message
