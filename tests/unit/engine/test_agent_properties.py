"""What holds of agents whatever models want, tools give and people say, in every order of events."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.agent_host import AgentHost, effects_overlap
from tests.support.cards import run_card
from tests.support.simulator import Simulator
from workflows.engine import events

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
AGENT: dict[str, object] = {
    "kind": "agent",
    "model": "default",
    "prompt": "Do it.",
    "tools": ["pure", "fs.read", "keep", "pay", "risky", "forbidden"],
    "max_turns": 4,
    "max_tool_calls": 9,
}
ASKED = [
    {"tool": ["pure", "fs.read", "keep", "pay", "risky", "forbidden"]},
    {"fs.read": ["**"]},
    {"model": ["default"]},
]


def document(*, on_limit: str, branches: int) -> dict[str, object]:
    """One agent, or several at once whose failures are results."""
    agent = {**AGENT, "on_limit": on_limit}
    nodes: dict[str, object] = {"think": {**agent, "next": "end"}}
    if branches:
        fork = {"branches": [f"a{n}" for n in range(branches)], "join": "merge", "mode": "settle", "max_concurrency": 2}
        nodes = {"think": {"kind": "plan", "rules": [{"fork": fork}]}}
        nodes |= {f"a{n}": agent for n in range(branches)}
        nodes["merge"] = {"kind": "plan", "rules": [{"to": "end"}]}
    return {"graph": "agents", "version": "1.0.0", "capabilities": ASKED, "start": "think", "nodes": nodes}


@SLOW
@given(
    seed=st.integers(0, 100_000),
    on_limit=st.sampled_from(["pause", "stop_with_partial", "fail"]),
    branches=st.sampled_from([0, 0, 3]),
)
def test_an_agent_ends_or_waits_and_each_call_has_exactly_one_result(seed: int, on_limit: str, branches: int) -> None:
    host = AgentHost(document(on_limit=on_limit, branches=branches), seed, trouble=True)
    view = host.play()
    again = Simulator(host.run.graph_document, run_card(host.policy))
    for event in host.log:
        again.feed(event)
    assert again.engine.view() == view
    assert again.every_call == host.run.every_call


@SLOW
@given(seed=st.integers(0, 100_000))
def test_effects_of_a_turn_never_overlap_and_nothing_forbidden_is_called(seed: int) -> None:
    host = AgentHost(document(on_limit="stop_with_partial", branches=0), seed, trouble=True)
    host.feed(events.RunStarted(host.run.now_ms))
    while not host.run.engine.over and len(host.log) < 200:
        assert not effects_overlap(host)
        choices = host.choices()
        assert choices
        host.feed(host.random.choice(choices))
    for command in host.run.every_call:
        args = command.payload["args"]
        assert isinstance(args, dict)
        assert command.payload["name"] != "forbidden"
        assert args.get("path") != ".env"
        assert command.payload["name"] != "risky" or "permit" in command.payload


@SLOW
@given(seed=st.integers(0, 100_000), moment=st.integers(1, 15))
def test_a_cancelled_agent_ends_once_its_effects_have(seed: int, moment: int) -> None:
    host = AgentHost(document(on_limit="pause", branches=3), seed, trouble=True)
    host.feed(events.RunStarted(host.run.now_ms))
    for _ in range(moment):
        if not host.run.engine.over and (choices := host.choices()):
            host.feed(host.random.choice(choices))
    host.feed(events.CancelRequested(host.run.now_ms, "ann"))
    for call, command in list(host.run.calls.items()):
        at = host.run.now_ms
        host.feed(events.CallCancelled(at, call) if command.cancellable else events.CallSucceeded(at, call, {"y": 1}))
    assert host.run.engine.over
    assert host.run.timers == {}


@pytest.mark.parametrize("turns", [1, 3])
def test_history_of_a_turn_holds_no_transcript(turns: int) -> None:
    host = Simulator(document(on_limit="fail", branches=0), run_card())
    host.say("start")
    for n in range(turns):
        call = f"think#1:{2 * n + 1}"
        host.say(f'turn {call} {{"calls": [["pure", {{"x": {n}}}]]}}')
        host.say(f"gave think#1:{2 * n + 2} {'x' * 2000}")
    sent = [command.payload["args"] for command in host.every_call if command.model]
    sizes = [len(str(args)) for args in sent]
    assert max(sizes[1:]) - min(sizes[1:]) < 16
    assert max(sizes[1:]) < 1200
