"""Agents: what their fields say together, beside what every node's fields say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.reading import quoted
from workflows.contracts.agent_tools import LOAD_SKILL, REQUEST_CAPABILITY
from workflows.language.check_regions import leaves_region
from workflows.language.expressions import ExpressionError, compile_template
from workflows.language.outline import node_path
from workflows.language.sites import sites
from workflows.language.spec import AgentSpec, ToolSpec, ValidateSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.language.findings import Findings
    from workflows.language.regions import Layout
    from workflows.language.sites import Site
    from workflows.language.spec import AnyNodeSpec, GraphSpec

OF_AGENTS = (LOAD_SKILL, REQUEST_CAPABILITY)
"""The tools that agents have without naming them, and nobody else has."""


def check_agents(graph: GraphSpec, findings: Findings) -> None:
    """Report what makes no sense in an agent's own fields, and the agents' tools where no agent is."""
    for name, node in graph.nodes.items():
        for tool, path in _named(name, node):
            if tool in OF_AGENTS:
                _tell_own(name, node, tool, path, findings)
        if isinstance(node, AgentSpec):
            _twice(name, "tools", node.tools, findings)
            _twice(name, "skills", node.skills, findings)
            _limits(name, node, findings)
    _partial(graph, findings)


def check_sessions(graph: GraphSpec, layout: Layout, findings: Findings) -> None:
    """Warn of agents that are to go on with a conversation which nobody can have begun."""
    for name, node in graph.nodes.items():
        if isinstance(node, AgentSpec) and node.session == "inherit" and not _has_agent_before(graph, layout, name):
            message = f"node `{name}`: no agent comes before it, so there is no conversation to go on with"
            hint = "it begins a new one, as `session: fresh` says"
            findings.warning("nothing_to_inherit", node_path(name, "session"), message, hint)


def _named(name: str, node: AnyNodeSpec) -> Iterator[tuple[str, str]]:
    """The tools that a node names, each with its path."""
    if isinstance(node, ToolSpec):
        yield node.tool, node_path(name, "tool")
    if isinstance(node, AgentSpec):
        for index, tool in enumerate(node.tools):
            yield tool, node_path(name, f"tools[{index}]")
    if isinstance(node, ValidateSpec):
        for index, check in enumerate(node.checks):
            if check.tool is not None:
                yield check.tool, node_path(name, f"checks[{index}]", "tool")


def _tell_own(name: str, node: AnyNodeSpec, tool: str, path: str, findings: Findings) -> None:
    if isinstance(node, AgentSpec):
        message, hint = f"node `{name}`: every agent has `{tool}`", "take it out of `tools`"
    else:
        message, hint = f"node `{name}`: `{tool}` is a tool of agents alone", "write an `agent` node"
    findings.error("agents_own_tool", path, message, hint)


def _twice(name: str, field: str, words: list[str], findings: Findings) -> None:
    for index, word in enumerate(words):
        if word in words[:index]:
            what = field.removesuffix("s")
            path = node_path(name, f"{field}[{index}]")
            findings.error(f"duplicate_{what}", path, f"node `{name}`: {what} `{word}` is there twice", "take one out")


def _limits(name: str, node: AgentSpec, findings: Findings) -> None:
    """A limit under which what the node names can never be used."""
    given = [field for field in ("tools", "skills") if getattr(node, field)]
    if not given:
        return
    if node.max_tool_calls == 0:
        message = f"node `{name}`: it may call nothing, so {quoted(given)} are of no use"
        findings.warning("limit_of_nothing", node_path(name, "max_tool_calls"), message, "raise it, or take them out")
    if node.max_turns == 1:
        message = f"node `{name}`: its one turn ends before it has read what {quoted(given)} gave it"
        findings.warning("limit_of_nothing", node_path(name, "max_turns"), message, "give it two turns at least")


def _partial(graph: GraphSpec, findings: Findings) -> None:
    """Warn where an agent that stops with what it has is relied on for structured output."""
    for site in sites(graph):
        node = graph.nodes.get(str(site.node))
        if not isinstance(node, AgentSpec) or site.role != "own" or node.on_limit != "stop_with_partial":
            continue
        if "output" in _result_fields(site):
            message = f"node `{site.node}`: `result.output` is null where it stops at a limit with what it has"
            hint = "a path into null is an error: see `result.stop_reason`, or write `on_limit: pause`"
            findings.warning("partial_output", site.path, message, hint)


def _result_fields(site: Site) -> list[object]:
    try:
        paths = compile_template(site.text).paths
    except ExpressionError:  # told by the check of expressions
        return []
    return [path.steps[0] for path in paths if path.name == "result" and len(path.steps) > 1]


def _has_agent_before(graph: GraphSpec, layout: Layout, name: str) -> bool:
    """Whether some way from the start, or back from the node itself, leads past an agent to the node."""
    sources: dict[str, list[str]] = {}
    for source in layout.ways:
        for target in _targets(layout, source):
            sources.setdefault(target, []).append(source)
    seen: set[str] = set()
    waiting = list(sources.get(name, ()))
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        if isinstance(graph.nodes[one], AgentSpec):
            return True
        seen.add(one)
        waiting += sources.get(one, [])
    return False


def _targets(layout: Layout, source: str) -> Iterator[str]:
    for edge in layout.ways[source]:
        if not leaves_region(layout.owner[source], edge.target):  # a branch's conversation ends with it
            yield edge.target
    for opening in layout.openings[source]:
        yield opening.join
        for entry in opening.entries:
            yield entry.target
