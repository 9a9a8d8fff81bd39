"""What an agent's conversation keeps when it ends, is inherited, grows too long, or is told of more tools."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from tests.support.cards import policy_document, run_card, tool_card
from tests.support.lacking import found, graph
from tests.support.simulator import Simulator, gave, turn
from tests.unit.engine.test_agents import agent, asked, begun, told, wants
from workflows.contracts.calls import Usage
from workflows.engine import events

PURE_IS_REFUSED = {
    "id": "nine",
    "scope": "execution",
    "when": "execution.name == 'pure'",
    "then": "reject_execution",
    "message": "no",
}


def short(name: str, after: str = "end", **more: object) -> dict[str, object]:
    """An agent whose model has a context of 4,000 tokens."""
    found = agent(name, after, **more)
    cast("dict[str, object]", found[name])["model"] = "short"
    return found


def test_results_that_an_agent_was_not_told_are_told_to_who_inherits() -> None:
    nodes = {**agent("one", "two", max_turns=1, on_limit="stop_with_partial"), **agent("two", session="inherit")}
    run = begun(nodes)
    wants(run, "one#1:1", ("pay", {"usd": 1}))
    run.say("gave one#1:2 paid")
    assert told(run) == [{"id": "u0", "content": [{"text": "paid"}]}]
    wants(run, "two#1:1", ("pure", {"x": 1}))
    run.say("gave two#1:2 one")
    assert [result["content"] for result in told(run)] == [[{"text": "one"}]]


def test_results_whose_turn_failed_are_told_to_who_inherits() -> None:
    run = begun({**agent("one", "end", on_failure={"to": "two"}), **agent("two", session="inherit")})
    wants(run, "one#1:1", ("pay", {"usd": 1}))
    run.say("gave one#1:2 paid")
    run.say("fail one#1:3 ModelFailed no answer")
    assert told(run) == [{"id": "u0", "content": [{"text": "paid"}]}]
    run.say("fail two#1:1 ModelFailed no answer")
    run.say("answer p1 retry")
    assert [result["content"] for result in told(run)] == [[{"text": "paid"}]]


def test_an_agent_that_fails_with_a_call_in_flight_leaves_its_conversation() -> None:
    nodes = {**agent("one", "end", on_failure={"to": "two"}), **agent("two", session="inherit")}
    run = begun(nodes, run_card(policy_document(guardrails=[PURE_IS_REFUSED])))
    wants(run, "one#1:1", ("keep", {"x": 1}), ("pure", {"x": 9}))
    run.say("gave one#1:2 kept")
    assert "transcript" in asked(run)


def test_an_inherited_conversation_is_made_shorter_before_the_first_turn() -> None:
    nodes = {**short("one", "two"), **short("two", session="inherit")}
    cast("dict[str, object]", nodes["one"])["prompt"] = "long " * 900
    run = begun(nodes)
    run.say('turn one#1:1 {"text": "First.", "tokens": 3800}')
    assert asked(run)["compact"]["how"] == "summary"
    run.say('turn two#1:1 {"text": "Summary.", "bytes": 2500, "tokens": 60}')
    assert asked(run)["messages"] == [{"role": "user", "content": [{"text": "Do it."}]}]
    assert run.engine._m.state.calls["two#1:2"].input_tokens > 2500  # what is kept was no part of the summary's input


def test_what_a_conversation_rests_on_is_not_forgotten_with_its_messages() -> None:
    rule = {"id": "tainted", "when": "'external' in seen.labels && capability.value == 'keep'", "then": "deny"}
    nodes = short("one")
    cast("dict[str, object]", nodes["one"])["prompt"] = "long " * 900
    run = begun(nodes, run_card(policy_document(guardrails=[{**rule, "message": "no"}])))
    wants(run, "one#1:1", ("pure", {"x": 1}), tokens=3800)
    run.feed(replace(gave(run.now_ms, "one#1:2", "from outside"), labels=("external",)))
    assert asked(run)["compact"]["how"] == "summary"
    run.say('turn one#1:3 {"text": "Summary.", "bytes": 2500, "tokens": 60}')
    wants(run, "one#1:4", ("keep", {"x": 1}))
    assert told(run)[0]["denied"]


def test_a_rule_that_ends_agents_ends_them_at_a_compaction_too() -> None:
    rule = {**PURE_IS_REFUSED, "when": "execution.kind == 'model' && size(execution.args.messages) == 0"}
    nodes = short("one", on_failure="fail")
    cast("dict[str, object]", nodes["one"])["prompt"] = "long " * 900
    run = begun(nodes, run_card(policy_document(guardrails=[rule])))
    wants(run, "one#1:1", ("pure", {"x": 1}), tokens=3900)
    run.say("gave one#1:2 one")
    assert len([one for one in run.every_call if one.model]) == 1
    assert (run.phase, cast("Any", run.engine.view().error).type) == ("failed", "PolicyDenied")


def test_tools_that_come_later_are_reserved_for() -> None:
    run = begun(agent("think"))
    request: dict[str, object] = {"kind": "tool", "name": "late", "reason": "to look"}
    wants(run, "think#1:1", ("request_capability", request), tokens=700, bytes=9000)
    run.say("answer p1 provide")
    found(run, card=tool_card("late", {f"{'p' * 50}{n}": "integer" for n in range(100)}))
    assert any(entry.startswith("late@") for entry in asked(run)["toolset"])
    assert run.engine._m.state.calls["think#1:3"].input_tokens > 5000
    wants(run, "think#1:3", ("pure", {"x": 1}), tokens=6000)
    run.say("gave think#1:4 one")
    assert run.engine._m.state.calls["think#1:5"].input_tokens < 6500


def test_what_is_said_during_the_last_turn_does_not_void_its_answer() -> None:
    for on_limit, phase, output in (("fail", "completed", {"a": 1}), ("pause", "waiting", None)):
        run = begun(agent("think", max_turns=1, on_limit=on_limit, output={"type": "object"}))
        run.say("steer More.")
        run.say('turn think#1:1 {"text": "First.", "output": {"a": 1}}')
        assert run.phase == phase
        assert output is None or run.engine.view().output["output"] == output


def test_names_that_are_not_there_are_not_remembered_for_ever() -> None:
    run = begun(agent("think", max_turns=200, max_tool_calls=200))
    for n in range(1, 101):
        wants(run, f"think#1:{n}", (f"tool{n}", {}))
    assert len(run.engine._m.state.agents["think#1"].unknown) == 64
    wants(run, "think#1:101", ("tool100", {}))
    assert run.engine.pauses()[0].trigger == "on_gap"


def gapped(*calls: tuple[str, dict[str, object]]) -> Simulator:
    """An agent whose second turn makes these calls; the first knew no `late`."""
    run = begun(agent("think"))
    wants(run, "think#1:1", ("late", {"x": 0}))
    wants(run, "think#1:2", *calls)
    return run


def answered(run: Simulator, trigger: str, outcome: str) -> None:
    """Answer the one pause of this kind."""
    (pause,) = (pause for pause in run.engine.pauses() if pause.trigger == trigger)
    run.say(f"answer {pause.id} {outcome}")


def test_an_effect_waits_for_a_call_before_it_whose_tool_is_not_there() -> None:
    run = gapped(("late", {"x": 1}), ("keep", {"x": 1}), ("pure", {"x": 1}))
    assert [one.payload["name"] for one in run.calls.values()] == ["pure"]
    answered(run, "on_gap", "continue_without")
    assert sorted(str(one.payload["name"]) for one in run.calls.values()) == ["keep", "pure"]


def test_a_call_whose_tool_is_not_there_falls_with_what_was_refused_before_it() -> None:
    run = gapped(("risky", {"x": 1}), ("late", {"x": 1}))
    answered(run, "on_risky_tool", "deny")
    assert run.engine.pauses() == []
    assert ["not run" in result["content"][0]["text"] for result in told(run)] == [False, True]


def test_effects_after_a_changed_tool_that_people_declined_are_not_run() -> None:
    run = begun(agent("think"))
    wants(run, "think#1:1", ("keep", {"x": 1}), ("pay", {"usd": 1}))
    card = {**run.engine.card.tools["keep"].model_dump(mode="json"), "digest": "f" * 64}
    run.feed(events.CallFailed(run.now_ms, "think#1:2", "ToolChanged", "another", 1, "no", card=card))
    answered(run, "on_gap", "decline")
    assert [one.payload["name"] for one in run.every_call] == ["default", "keep", "default"]
    assert "not run" in told(run)[1]["content"][0]["text"]


def missing(tool: str) -> Simulator:
    """An agent whose one tool the worker did not have, and its answer: another stands in."""
    card = run_card().model_copy(update={"missing": (f"tool:{tool}",)})
    nodes: dict[str, Any] = {**agent("one", "two"), **agent("two")}
    for node in nodes.values():
        node["tools"] = [tool]
    run = Simulator(graph(nodes), card)
    run.say("start")
    run.say('answer p1 substitute {"name": "keep"}')
    return run


def test_what_stands_in_for_an_agent_s_tool_is_the_agent_s_from_then_on() -> None:
    run = missing("late")
    assert [entry.partition("@")[0] for entry in asked(run)["toolset"]] == ["keep", "request_capability"]
    run.say('turn one#1:2 {"text": "Done."}')
    assert run.engine.pauses() == []
    assert [entry.partition("@")[0] for entry in asked(run)["toolset"]] == ["keep", "request_capability"]


def test_what_the_provider_s_cache_gave_is_told() -> None:
    run = begun(agent("think"))
    said = turn(run.now_ms, "think#1:1", {"text": "Done."})
    usage = Usage(tokens=90, input_tokens=50, output_tokens=10, cache_read_tokens=20, cache_write_tokens=10)
    run.feed(replace(said, usage=usage))
    told = run.engine.view().usage
    assert (told.cache_read_tokens, told.cache_write_tokens) == (20, 10)
