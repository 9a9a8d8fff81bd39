"""Agent nodes: what is wrong with one, what it asks for, how it is drawn."""

from __future__ import annotations

from typing import Any

import pytest

from policies.capability import Capability
from tests.unit.language.documents import MODELS, TOOLS, Doc, chain
from workflows.language.compile import compile_graph
from workflows.language.draw import draw_mermaid, draw_text
from workflows.language.graph import AgentNode
from workflows.language.validate import check_graph

SKILLS = ("code-review", "cite")
GOOD: Doc = {
    "kind": "agent",
    "model": "default",
    "instructions": "You look.",
    "prompt": "Look at ${json(input)}",
    "tools": ["look", "echo"],
    "skills": ["code-review"],
    "max_turns": 9,
    "output": {"type": "object", "properties": {"n": {"type": "integer"}}},
    "writes": {"note": "${result.output}", "notes": "${result.turns}"},
    "next": "end",
}
STOP = {"kind": "wait", "for": "1s", "next": "end"}


def agent(**changes: Any) -> Doc:
    """A graph of one agent, with parts of it replaced."""
    return chain(one={**GOOD, **changes})


def told(document: object, severity: str = "error") -> list[tuple[str, str]]:
    """Code and path of every problem of a severity, with a small catalog at hand."""
    found = check_graph(document, tools=TOOLS, models=MODELS, skills=SKILLS)
    return [(problem.code, problem.path) for problem in found if problem.severity == severity]


def compiled(document: object) -> AgentNode:
    node = compile_graph(document).nodes["one"]
    assert isinstance(node, AgentNode)
    return node


def test_a_sound_agent_has_no_problems() -> None:
    assert check_graph(agent(), tools=TOOLS, models=MODELS, skills=SKILLS) == []
    assert check_graph(agent(), tools=None, models=None) == []


@pytest.mark.parametrize(
    ("code", "path", "changes"),
    [
        ("unknown_tool", "nodes.one.tools[1]", {"tools": ["look", "ecko"]}),
        ("capability_not_asked", "nodes.one.tools[1]", {"tools": ["look", "ecko"]}),
        ("unknown_model", "nodes.one.model", {"model": "defalt"}),
        ("capability_not_asked", "nodes.one.model", {"model": "defalt"}),
        ("unknown_skill", "nodes.one.skills[0]", {"skills": ["code-revew"]}),
        ("duplicate_tool", "nodes.one.tools[2]", {"tools": ["look", "echo", "look"]}),
        ("duplicate_skill", "nodes.one.skills[1]", {"skills": ["cite", "cite"]}),
        ("agents_own_tool", "nodes.one.tools[0]", {"tools": ["load_skill"]}),
        ("agents_own_tool", "nodes.one.tools[0]", {"tools": ["request_capability"]}),
        ("capability_not_asked", "nodes.one.tools[0]", {"capabilities": [{"tool": ["echo"]}, {"model": ["default"]}]}),
        ("schema_regex", "nodes.one.output.pattern", {"output": {"pattern": "a+"}}),
        ("out_of_range", "nodes.one.max_turns", {"max_turns": 0}),
        ("out_of_range", "nodes.one.max_turns", {"max_turns": 100_001}),
        ("out_of_range", "nodes.one.max_tool_calls", {"max_tool_calls": -1}),
        ("wrong_value", "nodes.one.on_limit", {"on_limit": "stop"}),
        ("wrong_value", "nodes.one.session", {"session": "old"}),
        ("unknown_name", "nodes.one.writes.note", {"writes": {"note": "${result.answer}"}}),
        ("no_outcomes", "nodes.one.routes", {"routes": {"ok": "end"}, "next": None}),
        ("bad_expression", "nodes.one.instructions", {"instructions": "${1 +}"}),
    ],
)
def test_what_is_wrong_with_an_agent_is_told_at_its_place(code: str, path: str, changes: Doc) -> None:
    assert (code, path) in told(agent(**changes))


def test_what_a_tool_needs_whatever_its_arguments_is_asked_for() -> None:
    document = agent()
    document["capabilities"] = [{"tool": ["echo", "look"]}, {"model": ["default"]}]
    (problem,) = check_graph(document, tools=TOOLS, models=MODELS, skills=SKILLS)
    assert (problem.code, problem.path) == ("capability_not_asked", "nodes.one.tools[0]")
    assert problem.message == "node `one`: tool `look` needs `fs.read`, of which nothing is asked for"
    whole = TOOLS["look"].model_copy(update={"needs": (TOOLS["look"].needs[0].model_copy(update={"arg": None}),)})
    whole = whole.model_copy(update={"needs": (whole.needs[0].model_copy(update={"value": "etc/x"}),)})
    found = check_graph(agent(), tools={**TOOLS, "look": whole}, models=MODELS, skills=SKILLS)
    assert [(problem.code, problem.path) for problem in found] == [("capability_not_asked", "nodes.one.tools[0]")]


@pytest.mark.parametrize("tool", ["load_skill", "request_capability"])
def test_agents_own_tools_are_nobody_elses(tool: str) -> None:
    assert ("agents_own_tool", "nodes.one.tool") in told(chain(one={"kind": "tool", "tool": tool, "next": "end"}))
    checks = [{"name": "a", "tool": tool, "when": "result"}, {"name": "b", "when": "true"}]
    judge = {"kind": "validate", "checks": checks, "routes": {"pass": "end", "fail": "end"}}
    assert ("agents_own_tool", "nodes.one.checks[0].tool") in told(chain(one=judge))


@pytest.mark.parametrize(
    ("code", "path", "changes"),
    [
        ("limit_of_nothing", "nodes.one.max_tool_calls", {"max_tool_calls": 0}),
        ("limit_of_nothing", "nodes.one.max_turns", {"max_turns": 1}),
        ("limit_of_nothing", "nodes.one.max_turns", {"max_turns": 1, "tools": []}),
        ("unused_with", "nodes.one.with", {"with": {"a": 1}}),
        ("nothing_to_inherit", "nodes.one.session", {"session": "inherit"}),
        (
            "partial_output",
            "nodes.one.writes.note",
            {"on_limit": "stop_with_partial", "writes": {"note": "${result.output.n}"}},
        ),
    ],
)
def test_what_makes_no_sense_is_a_warning(code: str, path: str, changes: Doc) -> None:
    assert told(agent(**changes), "warning") == [(code, path)]
    assert told(agent(**changes)) == []


def test_an_agent_without_tools_may_have_one_turn() -> None:
    bare = {"tools": [], "skills": [], "max_turns": 1, "max_tool_calls": 0}
    assert check_graph(agent(**bare), tools=TOOLS, models=MODELS, skills=SKILLS) == []


def test_a_partial_answer_may_be_read_whole() -> None:
    document = agent(on_limit="stop_with_partial", writes={"note": "${result.output}", "notes": "${result.text}"})
    assert told(document, "warning") == []
    assert told(agent(on_limit="stop_with_partial", writes={"note": "${1 +}"}), "warning") == []


def test_a_conversation_is_inherited_from_an_agent_before_or_around() -> None:
    first = {**GOOD, "next": "one"}
    assert told(chain(zero=first, one={**GOOD, "session": "inherit"}), "warning") == []
    between = {"zero": {**GOOD, "next": "rest"}, "rest": {**STOP, "next": "one"}}
    assert told(chain(**between, one={**GOOD, "session": "inherit"}), "warning") == []
    again = {"kind": "plan", "rules": [{"when": "visit < 3", "to": "one"}, {"to": "end"}]}
    assert told(chain(one={**GOOD, "session": "inherit", "next": "again"}, again=again), "warning") == []
    fork = {"kind": "plan", "rules": [{"fork": {"branches": ["one", "rest"], "join": "done"}}]}
    inner = {key: value for key, value in GOOD.items() if key not in ("next", "writes")}
    around = {"zero": {**GOOD, "next": "split"}, "split": fork, "rest": {"kind": "wait", "for": "1s"}, "done": STOP}
    assert told(chain(**around, one={**inner, "session": "inherit"}), "warning") == []


def test_a_way_around_without_agents_begins_no_conversation() -> None:
    again = {"kind": "plan", "rules": [{"when": "visit < 3", "to": "rest"}, {"to": "one"}]}
    document = chain(rest={**STOP, "next": "again"}, again=again, one={**GOOD, "session": "inherit"})
    assert told(document, "warning") == [("nothing_to_inherit", "nodes.one.session")]


def test_a_conversation_is_not_inherited_from_a_branch() -> None:
    fork = {"kind": "plan", "rules": [{"fork": {"branches": ["one", "rest"], "join": "done"}}]}
    inner = {key: value for key, value in GOOD.items() if key not in ("next", "writes")}
    nodes = {"split": fork, "one": inner, "rest": {"kind": "wait", "for": "1s"}}
    document = chain(**nodes, done={**GOOD, "session": "inherit"})
    assert told(document, "warning") == [("nothing_to_inherit", "nodes.done.session")]


def test_an_agent_asks_for_its_own_tools_and_for_those_that_every_agent_has() -> None:
    node = compiled(agent(tools=["echo"]))
    asked = {name for name in ("echo", "look", "load_skill", "request_capability", "pay") if _asks(node, name)}
    assert asked == {"echo", "load_skill", "request_capability"}
    assert node.capabilities.covers(Capability("fs.read", "src/a.py"))
    assert node.capabilities.covers(Capability("model", "default"))


def test_a_node_that_narrows_its_capabilities_takes_tools_from_the_agent() -> None:
    node = compiled(agent(tools=["look"], capabilities=[{"tool": ["look"]}, {"model": ["default"]}]))
    assert _asks(node, "look")
    assert not node.capabilities.covers(Capability("fs.read", "src/a.py"))


def test_an_agent_is_drawn_with_what_it_has() -> None:
    graph = compile_graph(agent())
    assert "one  agent of default with look, echo, skill code-review" in draw_text(graph)
    assert '{{"one<br/>agent of default with look, echo, skill code-review"}}' in draw_mermaid(graph)
    assert "one  agent of default\n" in draw_text(compile_graph(agent(tools=[], skills=[])))


def _asks(node: AgentNode, tool: str) -> bool:
    return node.capabilities.covers(Capability("tool", tool))
