"""What becomes of an agent's turn that no worker can take: for want of its model, or of a tool that it is offered."""

from __future__ import annotations

import pytest

from tests.support.simulator import Simulator
from tests.unit.engine.test_agents import agent, asked, begun, told, wants
from workflows.engine import events


def lacking(run: Simulator, call: str, *, lacks: str | None = None) -> None:
    """No worker has what a model call needs."""
    run.feed(events.CallFailed(run.now_ms, call, "Gap", "no worker has it", 1, "no", lacks=lacks))


def tools(run: Simulator) -> list[str]:
    """The names of what the model was offered last."""
    return [entry.partition("@")[0] for entry in asked(run)["toolset"]]


def turned() -> Simulator:
    """An agent that is to be told a result when nothing goes on."""
    run = begun(agent("think"))
    wants(run, "think#1:1", ("pure", {"x": 1}))
    run.say("gave think#1:2 one")
    return run


def test_another_model_goes_on_with_the_conversation() -> None:
    run = turned()
    lacking(run, "think#1:3")
    run.say("steer Be quick.")
    run.say('answer p1 substitute {"name": "short"}')
    assert (asked(run)["alias"], asked(run)["transcript"]["size_bytes"]) == ("short", 100)
    assert asked(run)["messages"][0]["content"] == [{"text": "Be quick."}]
    assert [result["id"] for result in told(run)] == ["u0"]
    run.say('turn think#1:4 {"text": "Done."}')
    assert run.engine.view().output["stop_reason"] == "end_turn"


def test_another_model_begins_the_conversation() -> None:
    run = begun(agent("think"))
    lacking(run, "think#1:1")
    run.say('answer p1 substitute {"name": "short"}')
    assert asked(run)["alias"] == "short"
    assert "system" in asked(run)
    assert asked(run)["messages"][0]["content"] == [{"text": "Do it."}]


def test_without_any_model_the_agent_fails() -> None:
    run = turned()
    lacking(run, "think#1:3")
    run.say("answer p1 decline")
    error = run.engine.view().error
    assert error is not None
    assert error.type == "Declined"


@pytest.mark.parametrize("answer", ["continue_without", "decline", 'substitute {"name": "pay"}'])
def test_an_agent_takes_its_turn_without_a_tool_that_is_not_to_be_had(answer: str) -> None:
    run = turned()
    lacking(run, "think#1:3", lacks="keep")
    run.say(f"answer p1 {answer}")
    assert tools(run) == ["fs.read", "pay", "pure", "request_capability", "risky"]
    assert [result["id"] for result in told(run)] == ["u0"]
    wants(run, "think#1:4", ("keep", {"x": 1}))
    assert "there is no tool `keep`" in told(run)[0]["content"][0]["text"]


def test_a_version_that_was_declined_is_not_offered_again() -> None:
    run = begun(agent("think"))
    card = {**run.engine.card.tools["pure"].model_dump(mode="json"), "digest": "f" * 64}
    wants(run, "think#1:1", ("pure", {"x": 1}))
    run.feed(events.CallFailed(run.now_ms, "think#1:2", "ToolChanged", "another", 1, "no", card=card))
    run.say("answer p1 decline")
    run.feed(events.CallFailed(run.now_ms, "think#1:3", "ToolChanged", "another", 1, "no", card=card))
    assert run.engine.pauses() == []
    assert tools(run) == ["fs.read", "keep", "pay", "request_capability", "risky"]


def test_what_people_provide_after_all_is_offered_again() -> None:
    run = turned()
    lacking(run, "think#1:3", lacks="keep")
    run.say("answer p1 continue_without")
    wants(run, "think#1:4", ("request_capability", {"kind": "tool", "name": "late", "reason": "to look"}))
    run.say('answer p2 substitute {"name": "keep"}')
    assert "keep" in tools(run)
