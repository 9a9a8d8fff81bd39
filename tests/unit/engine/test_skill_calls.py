"""Skills of an agent: what its model is told of them, and which version a call of `load_skill` means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.canonical import digest
from policies.model import Effect
from tests.support.asking import people
from tests.support.cards import policy_document, run_card, tool_card
from tests.support.simulator import Simulator
from workflows.contracts.run import SkillCard
from workflows.engine import commands, events

REVIEW = SkillCard(
    name="review", description="How to review.", digest=digest(["review"]), allowed_tools=("fs.read", "shell(git *)")
)
CITE = SkillCard(name="cite", description="How to cite.", digest=digest(["cite"]))
ELSEWHERE = SkillCard(name="elsewhere", description="Another agent's.", digest=digest(["elsewhere"]))
OTHER = SkillCard(name="other", description="Nobody's.", digest=digest(["other"]))
GRAPH: dict[str, Any] = {
    "graph": "skilled",
    "version": "1.0.0",
    "capabilities": [{"tool": ["fs.read", "pure"]}, {"model": ["*"]}, {"fs.read": ["**"]}],
    "start": "work",
    "nodes": {
        "work": {
            "kind": "agent",
            "model": "default",
            "prompt": "go",
            "tools": ["pure", "fs.read"],
            "skills": ["review", "cite"],
            "next": "end",
        }
    },
}


def running(document: dict[str, Any] | None = None, **policy: Any) -> Simulator:
    card = run_card(policy_document(**policy))
    loader = tool_card("load_skill", {}, effect=Effect.READ)
    schema = {**loader.input_schema, "required": ["name"], "additionalProperties": {}}
    tools = {**card.tools, "load_skill": loader.model_copy(update={"input_schema": schema})}
    skills = {one.name: one for one in (REVIEW, CITE, ELSEWHERE)}
    run = Simulator(document or GRAPH, card.model_copy(update={"tools": tools, "skills": skills}))
    run.say("start")
    return run


def args_of(run: Simulator, place: int = -1) -> dict[str, Any]:
    """The arguments of a call that was made, by default the last."""
    payload: dict[str, Any] = run.every_call[place].payload
    args: dict[str, Any] = payload["args"]
    return args


def loading(run: Simulator, **args: object) -> None:
    run.say(f"turn work#1:1 {json.dumps({'calls': [['load_skill', args]]})}")


def told(run: Simulator) -> str:
    """What the model is told of its first call."""
    text: str = args_of(run)["messages"][0]["results"][0]["content"][0]["text"]
    return text


def test_a_model_is_told_what_skills_there_are_and_no_more() -> None:
    args = args_of(running(), 0)
    assert "- review: How to review.\n- cite: How to cite." in args["system"]
    assert "elsewhere" not in args["system"]
    assert [name.partition("@")[0] for name in args["toolset"]] == [
        "fs.read",
        "load_skill",
        "pure",
        "request_capability",
    ]


def test_a_call_means_the_version_that_the_run_has() -> None:
    run = running()
    loading(run, name="review", digest="0" * 64, tools=["pay"])
    args = args_of(run)
    assert args == {"name": "review", "digest": REVIEW.digest, "tools": ["fs.read"]}


@pytest.mark.parametrize("given", [{"name": "cite"}, {"name": "review", "path": "references/a.md"}])
def test_a_call_says_no_more_than_it_needs(given: dict[str, object]) -> None:
    run = running()
    loading(run, **given, tools=["pay"])
    args = args_of(run)
    assert args == {**given, "digest": (CITE if given["name"] == "cite" else REVIEW).digest}


@pytest.mark.parametrize("name", ["elsewhere", "none", ["review"], None])
def test_only_the_skills_that_the_node_names_are_read(name: object) -> None:
    run = running()
    loading(run, name=name)
    assert [call.activity for call in run.every_call] == ["model.scripted"] * 2
    assert "there are review, cite" in told(run)


def test_reading_skills_is_the_operators_to_allow() -> None:
    run = running(deny=[{"tool": ["load_skill"]}])
    loading(run, name="review")
    assert json.loads(told(run))["type"] == "denied"


def provided(kind: str, name: str, *, times: int = 1, **more: Any) -> Simulator:
    """A run whose agent asked for something, so many times in one turn, that people then provided."""
    run = running(answerers=people(signed=False), **more)
    request = ["request_capability", {"kind": kind, "name": name, "reason": "to do it"}]
    run.say(f"turn work#1:1 {json.dumps({'calls': [request] * times})}")
    run.say("answer p1 provide by=bob")
    (probe,) = [one for one in run.given if isinstance(one, commands.Probe)]
    card = OTHER if kind == "skill" else tool_card(name, {"x": "integer"})
    run.feed(events.Probed(run.now_ms, probe.gap, card.model_dump(mode="json")))
    return run


def last_call(run: Simulator) -> str:
    return run.every_call[-1].call


@pytest.mark.parametrize("times", [1, 2])
def test_a_skill_that_people_provide_is_the_agents_to_read(times: int) -> None:
    run = provided("skill", "other", times=times)
    assert told(run) == "`other` is there now: Nobody's. Read it with `load_skill`."
    run.say(f"turn {last_call(run)} {json.dumps({'calls': [['load_skill', {'name': 'other'}]]})}")
    assert args_of(run) == {"name": "other", "digest": OTHER.digest}


@pytest.mark.parametrize(("graph_asks", "kinds"), [(True, "tool"), (False, "denied")])
def test_a_tool_that_people_provide_is_the_agents_as_far_as_the_graph_asks_for_it(
    *, graph_asks: bool, kinds: str
) -> None:
    document = json.loads(json.dumps(GRAPH))
    document["capabilities"][0]["tool"] += ["late"] if graph_asks else []
    run = provided("tool", "late", document=document)
    assert told(run) == "`late` is there now."
    run.say(f"turn {last_call(run)} {json.dumps({'calls': [['late', {'x': 1}]]})}")
    if kinds == "tool":
        assert run.every_call[-1].activity == "late"
    else:
        assert json.loads(told(run))["type"] == "denied"
