"""What a graph names of its worker: tools, models, skills."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from activities.models.reachable import reachable
from activities.run_input import invalid
from activities.skills import Shelf
from policies.errors import DocumentError, Problem
from workflows.contracts.agent_tools import LOAD_SKILL
from workflows.contracts.run import ModelCard, SkillCard
from workflows.language.graph import AgentNode, Graph, ModelNode, ToolNode, ValidateNode


@dataclass(frozen=True, slots=True)
class Named:
    """The names, and of models also those that calls may be routed, fall back or be moved to."""

    tools: frozenset[str]
    models: frozenset[str]
    skills: frozenset[str]


def named_by(graph: Graph, downshift: Mapping[str, str], cards: Mapping[str, ModelCard]) -> Named:
    """Everything that the nodes of a graph name; every agent may read skills, which people may give it later."""
    nodes = graph.nodes.values()
    agents = [node for node in nodes if isinstance(node, AgentNode)]
    tools = {node.tool for node in nodes if isinstance(node, ToolNode)}
    tools |= {tool for node in agents for tool in (*node.tools, LOAD_SKILL)}
    tools |= {check.tool for node in nodes if isinstance(node, ValidateNode) for check in node.checks if check.tool}
    models = {node.model for node in nodes if isinstance(node, ModelNode | AgentNode)}
    return Named(
        tools=frozenset(tools),
        models=reachable(models, cards, downshift),
        skills=frozenset(skill for node in agents for skill in node.skills),
    )


def missing(names: Named, tools: Collection[str], models: Collection[str], skills: Collection[str]) -> tuple[str, ...]:
    """What the graph itself names and the worker does not have, as `kind:name`."""
    return (
        *(f"tool:{name}" for name in sorted(names.tools) if name not in tools),
        *(f"model:{name}" for name in sorted(names.models) if name not in models),
        *(f"skill:{name}" for name in sorted(names.skills) if name not in skills),
    )


def skill_cards(shelf: Shelf, names: Iterable[str]) -> dict[str, SkillCard]:
    """The skills as they lie there now, pinned by their digests; one that is not sound admits no run."""
    cards: dict[str, SkillCard] = {}
    for name in sorted(names):
        try:
            skill = shelf.find(name)
        except DocumentError as error:
            raise invalid([_unsound(name, problem) for problem in error.problems]) from None
        if skill is not None:
            cards[name] = skill.card
    return cards


def _unsound(name: str, problem: Problem) -> Problem:
    """Without the place on the worker's disk, which is its operator's business."""
    hint = "have the worker's operator mend it: `detent skills ls` says where"
    return Problem("bad_skill", f"skill `{name}` is not sound on this worker: {problem.message}", "", hint)
