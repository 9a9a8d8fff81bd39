"""The agent loop where scenarios do not go: what it inherits, what it refuses, and how it stops."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from policies.canonical import canonical
from tests.support.asking import people
from tests.support.cards import UNLIMITED, policy_document, run_card, tool_card
from tests.support.simulator import Simulator, turn
from tests.support.witness import Witness
from workflows.contracts.agent_tools import REQUEST_SCHEMA
from workflows.contracts.conversation import MEDIA_TOKENS, Content, Ref
from workflows.contracts.run import RunCard, SkillCard
from workflows.engine import events
from workflows.engine.pricing import MESSAGE_MARGIN, TOOLS_MARGIN, new_bytes
from workflows.engine.steering import why_no_agent

TOOLS = ["pure", "fs.read", "keep", "pay", "risky"]


def agent(name: str, after: str = "end", **more: object) -> dict[str, object]:
    """One agent node with the test tools."""
    return {name: {"kind": "agent", "model": "default", "prompt": "Do it.", "tools": TOOLS, "next": after, **more}}


def document(nodes: dict[str, object], **more: object) -> dict[str, object]:
    """A graph that starts at its first node."""
    asked = [{"tool": [*TOOLS, "late"]}, {"fs.read": ["**"]}, {"model": ["default", "short"]}]
    start = next(iter(nodes))
    return {"graph": "agents", "version": "1.0.0", "capabilities": asked, "start": start, "nodes": nodes, **more}


def begun(nodes: dict[str, object], card: RunCard | None = None) -> Simulator:
    """A run of these nodes."""
    run = Simulator(document(nodes, output="${result}"), card or run_card())
    run.say("start")
    return run


def wants(run: Simulator, call: str, *calls: tuple[str, dict[str, object]], **more: object) -> list[str]:
    """A model's turn with these tool calls."""
    return run.say(f"turn {call} {json.dumps({'calls': calls, **more})}")


def asked(run: Simulator) -> dict[str, Any]:
    """The arguments of the last model call."""
    return next(cast("dict[str, Any]", one.payload["args"]) for one in reversed(run.every_call) if one.model)


def told(run: Simulator) -> list[dict[str, Any]]:
    """The results that the model was told last."""
    return cast("list[dict[str, Any]]", asked(run)["messages"][0]["results"])


def limits(**lifetime: object) -> RunCard:
    """A run card whose lifetime has these limits."""
    budgets = {**UNLIMITED, "lifetime": {**cast("dict[str, object]", UNLIMITED["lifetime"]), **lifetime}}
    return run_card(policy_document(budgets=budgets))


def test_an_agent_goes_on_with_the_conversation_before_it() -> None:
    run = begun({**agent("one", "two"), **agent("two", session="inherit")})
    run.say('turn one#1:1 {"text": "First.", "tokens": 50}')
    assert asked(run)["transcript"]["size_bytes"] == 100
    assert "system" not in asked(run)


def test_a_fresh_agent_knows_nothing_of_the_one_before() -> None:
    run = begun({**agent("one", "two"), **agent("two")})
    run.say('turn one#1:1 {"text": "First."}')
    assert "transcript" not in asked(run)
    assert "system" in asked(run)


def test_other_instructions_are_told_anew() -> None:
    run = begun({**agent("one", "two"), **agent("two", session="inherit", instructions="Be brief.")})
    run.say('turn one#1:1 {"text": "First."}')
    assert "transcript" in asked(run)
    assert asked(run)["system"].startswith("Be brief.")


def test_a_branch_inherits_from_around_it_and_the_first_agent_from_nobody() -> None:
    fork = {"branches": ["two"], "join": "after"}
    split = {"split": {"kind": "plan", "rules": [{"fork": fork}]}, "after": {"kind": "plan", "rules": [{"to": "end"}]}}
    inner = {**agent("two", session="inherit")}
    cast("dict[str, object]", inner["two"]).pop("next")
    run = begun({**agent("one", "split", session="inherit"), **split, **inner})
    assert "transcript" not in asked(run)
    run.say('turn one#1:1 {"text": "First."}')
    assert asked(run)["transcript"]["size_bytes"] == 100


def test_what_is_known_of_a_conversation_lowers_what_the_next_turn_reserves() -> None:
    run = begun(agent("think"))
    wants(run, "think#1:1", ("pure", {"x": 1}), tokens=700, bytes=9000)
    run.say("gave think#1:2 one")
    m = run.engine._m
    assert m.state.calls["think#1:3"].input_tokens < 900
    assert m.state.calls["think#1:3"].carried_bytes > 9000


def test_a_skipped_model_call_skips_the_node() -> None:
    run = begun(agent("think"))
    run.say("fail think#1:1 ModelFailed no answer")
    assert "skip" in run.engine.pauses()[0].outcomes
    run.say("answer p1 skip")
    assert run.engine.view().nodes[0].status == "skipped"


def test_an_answer_that_is_none_fails_the_node() -> None:
    run = begun(agent("think", on_failure="fail"))
    run.feed(events.CallSucceeded(run.now_ms, "think#1:1", {"text": "no stop reason"}))
    error = run.engine.view().error
    assert error is not None
    assert (error.type, error.message) == ("Internal", "the model's answer does not parse: 1 problems")


def test_an_answer_without_a_conversation_fails_the_node() -> None:
    run = begun(agent("think", on_failure="fail"))
    run.feed(events.CallSucceeded(run.now_ms, "think#1:1", {"text": "hm", "stop_reason": "end_turn"}))
    error = run.engine.view().error
    assert error is not None
    assert error.message == "the model's answer leads to no conversation"


def test_an_answer_is_gone_on_with_three_times_and_no_more() -> None:
    run = begun(agent("think", on_limit="stop_with_partial"))
    for number, text in enumerate(("a", "b", "c", "d"), start=1):
        run.say(f'turn think#1:{number} {{"text": "{text}", "stop": "max_tokens"}}')
    assert run.engine.view().output["text"] == "abcd"
    assert run.engine.view().output["stop_reason"] == "max_continuations"


def test_an_answer_goes_on_if_people_let_it() -> None:
    run = begun(agent("think"))
    for number in range(1, 5):
        run.say(f'turn think#1:{number} {{"text": "{number}", "stop": "max_tokens"}}')
    run.say("answer p1 continue")
    run.say('turn think#1:5 {"text": "5"}')
    assert run.engine.view().output["text"] == "12345"


def test_arguments_that_could_not_be_read_go_back_to_the_model() -> None:
    run = begun(agent("think"))
    said = turn(run.now_ms, "think#1:1", {"calls": [["pure", {}]]})
    output = cast("dict[str, Any]", said.output)
    output["tool_calls"][0]["fault"] = "not JSON"
    run.feed(said)
    assert json.loads(told(run)[0]["content"][0]["text"])["message"] == "not JSON"


def test_arguments_that_are_too_large_go_back_to_the_model() -> None:
    run = begun(agent("think"))
    wants(run, "think#1:1", ("fs.read", {"path": "x" * (1024 * 1024 + 1)}))
    assert json.loads(told(run)[0]["content"][0]["text"])["type"] == "invalid"


def test_only_the_skills_of_the_node_are_loaded_and_by_their_digest() -> None:
    skill = SkillCard(name="review", description="How to review.", digest="ab" * 32)
    load = tool_card("load_skill", {"name": "string", "digest": "string"})
    card = run_card()
    card = card.model_copy(
        update={"skills": {"review": skill, "other": skill}, "tools": {**card.tools, "load_skill": load}}
    )
    run = begun(agent("think", skills=["review"]), card)
    assert "- review: How to review." in asked(run)["system"]
    wants(run, "think#1:1", ("load_skill", {"name": "other"}), ("load_skill", {"name": "review"}))
    started = [one for one in run.every_call if not one.model]
    assert [one.payload["args"] for one in started] == [{"name": "review", "digest": "ab" * 32}]
    run.say("gave think#1:2 Review it.")
    assert json.loads(told(run)[0]["content"][0]["text"])["type"] == "invalid"


def test_a_turn_for_which_there_is_no_step_left_is_a_limit() -> None:
    run = begun(agent("think", on_limit="stop_with_partial"), limits(steps=2))
    for number in (1, 3):
        wants(run, f"think#1:{number}", ("pure", {"x": number}), text=f"turn {number}")
        run.say(f"gave think#1:{number + 1} {number}")
    assert run.engine.view().output["stop_reason"] == "budget"
    assert run.engine.view().output["text"] == "turn 3"


def test_where_the_budget_is_used_up_people_are_not_asked_to_go_on() -> None:
    run = begun(agent("think"), limits(steps=1))
    wants(run, "think#1:1", ("pure", {"x": 1}), text="So far.")
    run.say("gave think#1:2 one")
    assert run.engine.pauses()[0].outcomes == ("reduce", "abort")
    run.say("answer p1 reduce")
    assert run.engine.view().output["text"] == "So far."


def test_a_limit_that_nobody_may_lift_fails_the_node() -> None:
    other = {"on_budget": {"ui": "modal", "not_starter": True, "answerers": ["role:operator"]}}
    run = begun(agent("think", max_turns=1), run_card(policy_document(triggers=other, answerers=people())))
    wants(run, "think#1:1", ("pure", {"x": 1}))
    run.say("gave think#1:2 one")
    error = run.engine.view().error
    assert error is not None
    assert error.type == "LimitReached"
    assert "nobody signed its start" in error.message


@pytest.mark.parametrize(("meant", "words"), [(None, "say which"), ("none", "no agent `none`"), ("one", None)])
def test_steering_wants_one_agent(meant: str | None, words: str | None) -> None:
    fork = {"branches": ["one", "two"], "join": "after"}
    nodes: dict[str, object] = {
        "split": {"kind": "plan", "rules": [{"fork": fork}]},
        "after": {"kind": "plan", "rules": [{"to": "end"}]},
        **agent("one"),
        **agent("two"),
    }
    for name in ("one", "two"):
        cast("dict[str, object]", nodes[name]).pop("next")
    run = begun(nodes)
    reason = why_no_agent(run.engine._m, meant)
    assert (reason is None) == (words is None)
    assert words is None or words in str(reason)


def test_a_run_without_agents_at_work_cannot_be_steered() -> None:
    run = begun({"one": {"kind": "tool", "tool": "pure", "with": {"x": 1}, "next": "end"}})
    assert why_no_agent(run.engine._m, None) == "no agent is at work; at work: none"


def test_a_failure_that_ends_the_agent_waits_for_its_effects() -> None:
    rule = {
        "id": "nine",
        "scope": "execution",
        "when": "execution.name == 'pure'",
        "then": "reject_execution",
        "message": "no",
    }
    run = begun(agent("think", on_failure="fail"), run_card(policy_document(guardrails=[rule])))
    wants(run, "think#1:1", ("keep", {"x": 1}), ("pure", {"x": 9}))
    assert run.phase == "running"
    run.say("fail think#1:2 ToolFailed it failed")
    assert run.phase == "failed"


def test_what_a_rule_discards_ends_the_agent() -> None:
    rule = {
        "id": "dear",
        "scope": "execution",
        "when": "execution.status == 'ok' && execution.name == 'pure'",
        "then": "reject_execution",
        "message": "no",
    }
    run = begun(agent("think", on_failure="fail"), run_card(policy_document(guardrails=[rule])))
    wants(run, "think#1:1", ("pure", {"x": 9}))
    run.say("gave think#1:2 nine")
    error = run.engine.view().error
    assert error is not None
    assert error.type == "PolicyDenied"


def test_a_guardrail_is_told_in_its_author_s_words_unless_values_stand_in_them() -> None:
    rules = [
        {
            "id": "plain",
            "scope": "execution",
            "when": "execution.name == 'pure'",
            "then": "deny",
            "message": "Not now.",
        },
        {
            "id": "valued",
            "scope": "execution",
            "when": "execution.name == 'keep'",
            "then": "deny",
            "message": "Used ${lifetime.tokens_used}.",
        },
    ]
    run = begun(agent("think"), run_card(policy_document(guardrails=rules)))
    wants(run, "think#1:1", ("pure", {"x": 1}), ("keep", {"x": 1}))
    messages = [json.loads(result["content"][0]["text"])["message"] for result in told(run)]
    assert messages == ["Not now.", "a rule of the operator's forbids it"]
    assert all(result["denied"] for result in told(run))


def test_a_compaction_that_the_policy_denies_is_done_without() -> None:
    rule = {
        "id": "quiet",
        "scope": "execution",
        "when": "execution.kind == 'model' && lifetime.tokens_used > 2000",
        "then": "deny",
        "message": "no",
    }
    run = begun(agent("think", model="short"), run_card(policy_document(guardrails=[rule])))
    wants(run, "think#1:1", ("pure", {"x": 1}), tokens=1300, bytes=2500)
    run.say(f"gave think#1:2 {'o' * 1600}")
    wants(run, "think#1:3", ("pure", {"x": 2}), tokens=2900, bytes=2500)
    run.say("gave think#1:4 two")
    assert run.engine.view().error is not None  # the turn after it is denied, too
    assert not any("compact" in cast("dict[str, Any]", one.payload["args"]) for one in run.every_call)


def test_media_are_passed_on_by_reference_after_what_is_said_of_them() -> None:
    run = begun(agent("think"))
    wants(run, "think#1:1", ("pure", {"x": 1}), tokens=700, bytes=9000)
    ref = Ref(uri=f"blob:default/{'ab' * 32}", digest="ab" * 32, size_bytes=3_000_000)
    shown = Content(text="`a.png`", ref=ref, media="image/png")
    run.feed(events.CallSucceeded(run.now_ms, "think#1:2", None, content=shown))
    (result,) = told(run)
    assert result["content"] == [{"text": "`a.png`"}, {"ref": ref.model_dump(), "media": "image/png"}]
    reserved = run.engine._m.state.calls["think#1:3"].input_tokens
    assert reserved == 700 + len("`a.png`") + MEDIA_TOKENS + 3 * MESSAGE_MARGIN, "and not for its bytes"


def test_what_a_provider_says_of_tools_is_reserved_until_it_is_known() -> None:
    run = begun(agent("think"))
    m = run.engine._m
    args = asked(run)
    schemas = [REQUEST_SCHEMA, *(m.card.tools[name].input_schema for name in TOOLS)]
    tools = sum(len(canonical(schema)) for schema in schemas) + sum(len(name) + MESSAGE_MARGIN for name in TOOLS)
    first = m.state.calls["think#1:1"]
    assert first.carried_bytes == tools + MESSAGE_MARGIN + TOOLS_MARGIN
    assert first.input_tokens == first.carried_bytes + new_bytes(args)
    wants(run, "think#1:1", ("pure", {"x": 1}), tokens=700, bytes=9000)
    run.say("gave think#1:2 one")
    assert run.engine._m.state.calls["think#1:3"].input_tokens == 700 + len("one") + 2 * MESSAGE_MARGIN


def test_an_effect_that_may_have_happened_is_asked_about_however_the_agent_ends() -> None:
    rule = {
        "id": "dear",
        "scope": "execution",
        "when": "execution.status == 'ok' && execution.name == 'pure'",
        "then": "reject_execution",
        "message": "no",
    }
    run = begun(agent("think", on_failure="fail"), run_card(policy_document(guardrails=[rule])))
    wants(run, "think#1:1", ("pay", {"usd": 1}), ("pure", {"x": 9}))
    run.say("fail think#1:2 Timeout lost")
    run.say("gave think#1:3 nine")
    assert (run.phase, [pause.trigger for pause in run.engine.pauses()]) == ("waiting", ["on_uncertain"])
    run.say("answer p1 retry")
    run.say("fail think#1:2 Timeout lost again")
    assert run.phase == "waiting"
    run.say('answer p2 complete {"result": "paid"}')
    error = run.engine.view().error
    assert error is not None
    assert error.type == "PolicyDenied"


def test_an_agent_is_told_no_more_than_it_can_be_told_at_once() -> None:
    run = begun(agent("think"))
    for _ in range(9):
        assert why_no_agent(run.engine._m, None) is None
        run.say(f"steer {'x' * 8000}")
    assert "72,000 characters" in str(why_no_agent(run.engine._m, None))


UNASKABLE = {"ui": "modal", "not_starter": True, "answerers": ["role:operator"]}
"""Nobody signed the start, so nobody may answer."""


def test_a_request_that_does_not_fit_goes_back_to_the_model() -> None:
    run = begun(agent("think"))
    wants(run, "think#1:1", ("request_capability", {"kind": "wish"}))
    assert json.loads(told(run)[0]["content"][0]["text"])["type"] == "invalid"


def test_an_agent_begins_without_what_nobody_can_be_asked_for() -> None:
    policy = policy_document(triggers={"on_gap": UNASKABLE}, answerers=people())
    run = begun(agent("think", tools=[*TOOLS, "late"]), run_card(policy).model_copy(update={"missing": ("tool:late",)}))
    assert [entry.partition("@")[0] for entry in asked(run)["toolset"]] == [
        *sorted(TOOLS[:4]),
        "request_capability",
        "risky",
    ]


def test_like_failures_are_told_where_nobody_can_be_asked() -> None:
    run = begun(agent("think"), run_card(policy_document(triggers={"on_gap": UNASKABLE}, answerers=people())))
    for turn_number in range(3):
        call = 2 * turn_number + 1
        wants(run, f"think#1:{call}", ("keep", {"x": turn_number}))
        run.say(f"fail think#1:{call + 1} ToolFailed it failed")
        assert told(run)[0]["content"][0]["text"] == "ToolFailed: it failed"


def test_what_may_have_happened_is_told_where_nobody_can_be_asked() -> None:
    run = begun(agent("think"), run_card(policy_document(triggers={"on_uncertain": UNASKABLE}, answerers=people())))
    wants(run, "think#1:1", ("pay", {"usd": 1}))
    run.say("fail think#1:2 Timeout lost")
    assert json.loads(told(run)[0]["content"][0]["text"])["type"] == "unknown_outcome"


def test_who_watched_can_stop() -> None:
    run = begun(agent("think"))
    run.watch(Witness())
    run.engine.unwatch()
    assert run.engine._m.observer is None
