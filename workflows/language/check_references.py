"""References: every node, channel, tool, model and skill that a graph names is there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policies.reading import nearest
from workflows.language.check_agent import OF_AGENTS
from workflows.language.outline import RESERVED, edges, node_path, openings
from workflows.language.spec import AgentSpec, HumanSpec, ModelSpec, PlanSpec, SubgraphSpec, ToolSpec, ValidateSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.language.findings import Findings
    from workflows.language.spec import AnyNodeSpec, GraphSpec


@dataclass(frozen=True, slots=True)
class Catalog:
    """What a worker has: names of tools, model aliases, names of skills; null for what is not known here."""

    tools: Collection[str] | None
    models: Collection[str] | None
    skills: Collection[str] | None
    allow_gaps: bool


def check_references(graph: GraphSpec, nodes: Collection[str], catalog: Catalog, findings: Findings) -> None:
    """Report what is named and not there; `nodes` are the names of all nodes, also of those that cannot be read."""
    known = sorted({*nodes, *RESERVED})
    for name in graph.nodes:
        for edge in edges(graph, name):
            _target(edge.target, edge.path, known, findings)
        for opening in openings(graph, name):
            for target, path in (
                (opening.join, f"{opening.path}.join"),
                *((e.target, e.path) for e in opening.entries),
            ):
                if target in RESERVED:
                    message = f"a scope cannot begin or join at `{target}`"
                    findings.error("reserved_name", path, message, "name a node")
                else:
                    _target(target, path, known, findings)
        _channels(graph, name, findings)
    _start(graph, known, findings)
    _own_names(graph, nodes, findings)
    _catalog(graph, catalog, findings)


def _target(target: str, path: str, known: list[str], findings: Findings) -> None:
    if target not in known:
        findings.error("unknown_node", path, f"there is no node `{target}`", nearest(target, known))


def _channels(graph: GraphSpec, name: str, findings: Findings) -> None:
    for channel in graph.nodes[name].writes:
        if channel not in graph.state:
            hint = nearest(channel, sorted(graph.state)) or f"declare it under `state`: `{channel}: {{reducer: last}}`"
            message = f"node `{name}`: there is no channel `{channel}`"
            findings.error("unknown_channel", node_path(name, "writes", channel), message, hint)


def _start(graph: GraphSpec, known: list[str], findings: Findings) -> None:
    if graph.start in RESERVED:
        findings.error("reserved_name", "start", f"a run cannot start at `{graph.start}`", "name a node")
    else:
        _target(graph.start, "start", known, findings)


def _own_names(graph: GraphSpec, nodes: Collection[str], findings: Findings) -> None:
    for name in nodes:
        if name in RESERVED:
            message = f"`{name}` is reserved: it is where runs end"
            findings.error("reserved_name", node_path(name), message, "give the node another name")
    for name, node in graph.nodes.items():
        for index, outcome in enumerate(node.outcomes if isinstance(node, HumanSpec) else ()):
            if outcome in RESERVED:
                path = node_path(name, f"outcomes[{index}]")
                findings.error("reserved_name", path, f"`{outcome}` is reserved", "give the outcome another name")
        if isinstance(node, SubgraphSpec) and node.graph.partition("@")[0] == graph.graph:
            findings.error("includes_itself", node_path(name, "graph"), f"graph `{graph.graph}` includes itself")


_PLACES: Final = {
    "tool": "in the catalog",
    "model": "among the models of this worker",
    "skill": "among the skills of this worker",
}


def _catalog(graph: GraphSpec, catalog: Catalog, findings: Findings) -> None:
    here = {"tool": catalog.tools, "model": catalog.models, "skill": catalog.skills}
    for name, node in graph.nodes.items():
        for what, word, path in _named(name, node):
            known = here[what]
            if known is not None and word not in known:
                message = f"node `{name}`: {what} `{word}` is not {_PLACES[what]}"
                tell = findings.warning if catalog.allow_gaps else findings.error
                tell(f"unknown_{what}", path, message, nearest(word, sorted(known)))


def _named(name: str, node: AnyNodeSpec) -> Iterator[tuple[str, str, str]]:
    """What a node names outside of the graph: `tool`, `model` or `skill`, the name, its path."""
    yield from (one for one in _tools(name, node) if one[1] not in OF_AGENTS)
    if isinstance(node, ModelSpec | AgentSpec) or (isinstance(node, PlanSpec) and node.model is not None):
        yield "model", str(node.model), node_path(name, "model")
    if isinstance(node, AgentSpec):
        for index, skill in enumerate(node.skills):
            yield "skill", skill, node_path(name, f"skills[{index}]")


def _tools(name: str, node: AnyNodeSpec) -> Iterator[tuple[str, str, str]]:
    if isinstance(node, ToolSpec):
        yield "tool", node.tool, node_path(name, "tool")
    if isinstance(node, AgentSpec):
        for index, tool in enumerate(node.tools):
            yield "tool", tool, node_path(name, f"tools[{index}]")
    if isinstance(node, ValidateSpec):
        for index, check in enumerate(node.checks):
            if check.tool is not None:
                yield "tool", check.tool, node_path(name, f"checks[{index}]", "tool")
