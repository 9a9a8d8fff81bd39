"""Skills of an agent: what its model is told of them, and which version a call of `load_skill` means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.canonical import digest
from policies.model import Effect
from tests.support.cards import policy_document, run_card, tool_card
from tests.support.simulator import Simulator
from workflows.contracts.run import SkillCard

REVIEW = SkillCard(
    name="review", description="How to review.", digest=digest(["review"]), allowed_tools=("fs.read", "shell(git *)")
)
CITE = SkillCard(name="cite", description="How to cite.", digest=digest(["cite"]))
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


def running(**policy: Any) -> Simulator:
    card = run_card(policy_document(**policy))
    loader = tool_card("load_skill", {}, effect=Effect.READ)
    schema = {**loader.input_schema, "required": ["name"], "additionalProperties": {}}
    tools = {**card.tools, "load_skill": loader.model_copy(update={"input_schema": schema})}
    skills = {one.name: one for one in (REVIEW, CITE, OTHER)}
    run = Simulator(GRAPH, card.model_copy(update={"tools": tools, "skills": skills}))
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
    assert "other" not in args["system"]
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
    loading(run, **given)
    args = args_of(run)
    assert args == {**given, "digest": (CITE if given["name"] == "cite" else REVIEW).digest}


@pytest.mark.parametrize("name", ["other", "none", ["review"], None])
def test_only_the_skills_that_the_node_names_are_read(name: object) -> None:
    run = running()
    loading(run, name=name)
    assert [call.activity for call in run.every_call] == ["model.scripted"] * 2
    assert "there are review, cite" in told(run)


def test_reading_skills_is_the_operators_to_allow() -> None:
    run = running(deny=[{"tool": ["load_skill"]}])
    loading(run, name="review")
    assert json.loads(told(run))["type"] == "denied"
