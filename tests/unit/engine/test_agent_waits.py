"""What people say to agents that wait: for an answer, for a slot, or to hear whether something has happened."""

from __future__ import annotations

import json
from typing import cast

import pytest

from tests.support.simulator import Simulator
from tests.unit.engine.test_agents import agent, asked, begun, told, wants

AGENT = "split#1[0]/one#1"
OTHER = "split#1[1]/two#1:1"


def beside(*, max_turns: int = 50) -> dict[str, object]:
    """An agent and a tool in two branches, of which one may run at a time."""
    fork = {"branches": ["one", "two"], "join": "after", "max_concurrency": 1, "mode": "settle"}
    nodes: dict[str, object] = {
        "split": {"kind": "plan", "rules": [{"fork": fork}]},
        "after": {"kind": "plan", "rules": [{"to": "end"}]},
        **agent("one", max_turns=max_turns),
        "two": {"kind": "tool", "tool": "keep", "with": {"x": 1}},
    }
    cast("dict[str, object]", nodes["one"]).pop("next")
    return nodes


def slots_of(run: Simulator) -> int:
    """How many branches of the fork have a slot."""
    return run.engine._m.state.scopes["split#1"].slots


def test_a_call_that_waits_for_a_slot_is_superseded_like_others() -> None:
    run = begun(beside())
    wants(run, f"{AGENT}:1", ("risky", {"x": 1}))
    run.say("answer p1 approve")
    run.say("interrupt Stop that.")
    run.say(f'ok {OTHER} {{"y": 1}}')
    assert [one.payload["name"] for one in run.every_call] == ["default", "keep", "default"]
    assert json.loads(told(run)[0]["content"][0]["text"])["type"] == "superseded"


def test_an_agent_whose_last_running_call_has_ended_gives_its_slot_back() -> None:
    run = begun(beside())
    wants(run, f"{AGENT}:1", ("risky", {"x": 1}), ("pure", {"x": 1}))
    assert OTHER not in run.calls
    run.say(f"gave {AGENT}:3 one")
    assert OTHER in run.calls


def test_whoever_interrupts_an_agent_at_its_limit_takes_no_slot_for_it() -> None:
    run = begun(beside(max_turns=1))
    wants(run, f"{AGENT}:1", ("pure", {"x": 1}))
    run.say(f"gave {AGENT}:2 one")
    assert slots_of(run) == 1
    run.say(f'ok {OTHER} {{"y": 1}}')
    run.say("interrupt Stop that.")
    assert slots_of(run) == 0


def test_an_answer_that_waits_for_a_slot_outlives_an_interruption() -> None:
    run = begun(beside(max_turns=1))
    wants(run, f"{AGENT}:1", ("pure", {"x": 1}))
    run.say(f"gave {AGENT}:2 one")
    run.say("answer p1 continue")
    run.say("interrupt Stop that.")
    run.say(f'ok {OTHER} {{"y": 1}}')
    assert run.engine.pauses() == []
    assert list(run.calls) == [f"{AGENT}:3"]


@pytest.mark.parametrize("early", [False, True])
def test_what_may_have_happened_is_never_called_superseded(early: bool) -> None:
    run = begun(beside())
    wants(run, f"{AGENT}:1", ("pay", {"usd": 1}), ("keep", {"x": 2}))
    run.say(f"fail {AGENT}:2 Timeout lost")
    if early:
        run.say("interrupt Stop that.")
        assert [pause.trigger for pause in run.engine.pauses()] == ["on_uncertain"]
        run.say('answer p1 complete {"result": "paid"}')
    else:
        run.say('answer p1 complete {"result": "paid"}')
        run.say("interrupt Stop that.")
    run.say(f'ok {OTHER} {{"y": 1}}')
    first, second = (result["content"][0]["text"] for result in told(run))
    assert first == "paid"
    assert json.loads(second)["type"] == "superseded"


def test_advice_is_taken_by_a_turn_that_tells_results_alone() -> None:
    run = begun(agent("think"))
    wants(run, "think#1:1", ("pure", {"x": 1}))
    run.say("gave think#1:2 one")
    run.say("fail think#1:3 ModelFailed no answer")
    run.say('answer p1 retry {"guidance": "Be brief."}')
    (message,) = asked(run)["messages"]
    assert message["content"] == [{"text": "Be brief."}]
    assert message["results"][0]["id"] == "u0"
