"""Ways through the graph: every node has a way out, no cycle is made of plans alone, profiles hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.language.check_regions import leaves_region
from workflows.language.outline import RESERVED, node_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workflows.language.findings import Findings
    from workflows.language.regions import Layout, Region
    from workflows.language.spec import GraphSpec


def check_flow(graph: GraphSpec, layout: Layout, findings: Findings) -> None:
    """Everything that is wrong with where edges lead in the long run."""
    for region in layout.regions:
        _ways_out(layout, region, findings)
    _cycles(graph, layout, findings)
    if graph.profile == "plan_task":
        _alternation(graph, layout, findings)


def _ways_out(layout: Layout, region: Region, findings: Findings) -> None:
    inside = set(region.nodes)
    sources: dict[str, list[str]] = {}
    out: list[str] = []
    for name in region.nodes:
        targets = [edge.target for edge in layout.ways[name]]
        targets += [opening.join for opening in layout.openings[name]]
        for target in targets:
            sources.setdefault(target, []).append(name)
        # Whoever leads to an unknown or foreign node has been told so, and a node that leads nowhere, too.
        if not targets or any(leaves_region(region, target) or target not in inside for target in targets):
            out.append(name)
    reached = _closure(out, sources)
    for name in region.nodes:
        if name not in reached:
            goal = f"the join `{region.join}`, `end` or `fail`" if region.join else "`end` or `fail`"
            findings.error("no_way_out", node_path(name), f"from node `{name}` there is no way to {goal}")


def _closure(names: Sequence[str], following: Mapping[str, Sequence[str]]) -> set[str]:
    reached, waiting = set(names), list(names)
    while waiting:
        for name in following.get(waiting.pop(), ()):
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return reached


def _cycles(graph: GraphSpec, layout: Layout, findings: Findings) -> None:
    """Report each cycle of plans once, at the first of its plans. Ways taken only on failure do not count."""
    following: dict[str, list[str]] = {}
    for name, node in graph.nodes.items():
        if node.kind == "plan" and name in layout.owner:
            targets = [edge.target for edge in layout.ways[name] if edge.kind != "failure"]
            targets += [entry.target for opening in layout.openings[name] for entry in opening.entries]
            following[name] = [
                target for target in targets if target in graph.nodes and graph.nodes[target].kind == "plan"
            ]
    sources: dict[str, list[str]] = {}
    for name, targets in following.items():
        for target in targets:
            sources.setdefault(target, []).append(name)
    told: set[str] = set()
    for name, targets in following.items():
        around = set() if name in told else _closure(targets, following)
        if name in around:
            told |= around & _closure([name], sources)
            message = f"plan `{name}` leads back to itself without a task in between"
            findings.error("cycle_without_task", node_path(name), message, "put a task into the cycle")


def _alternation(graph: GraphSpec, layout: Layout, findings: Findings) -> None:
    """`plan_task`: a task leads to plans only, and a plan to tasks only."""
    for name, node in graph.nodes.items():
        if name not in layout.owner:
            continue
        steps = [(edge.target, edge.path) for edge in layout.ways[name] if edge.kind != "failure"]
        steps += [(entry.target, entry.path) for opening in layout.openings[name] for entry in opening.entries]
        for target, path in steps:
            if target not in RESERVED and target in graph.nodes:
                other = graph.nodes[target]
                if (node.kind == "plan") == (other.kind == "plan"):
                    what = "two plans" if node.kind == "plan" else "two tasks"
                    message = f"`profile: plan_task` alternates, and `{name}` and `{target}` are {what} in a row"
                    findings.error("not_alternating", path, message)
