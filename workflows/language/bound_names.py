"""Which names have a value at each node: those that branches bind, `result`, `error`, `results`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workflows.language.check_regions import leaves_region
from workflows.language.outline import END

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.language.outline import Edge
    from workflows.language.regions import Layout, Region
    from workflows.language.spec import GraphSpec


@dataclass(slots=True)
class Bound:
    """What is bound on entering each node. A name counts where every branch that comes there binds it.

    `branch` names per node, `branch_end` per opening (its path); `at_end` where the run may end.
    """

    branch: dict[str, frozenset[str]] = field(default_factory=dict)
    branch_end: dict[str, frozenset[str]] = field(default_factory=dict)
    at_end: frozenset[str] = frozenset()
    result: set[str] = field(default_factory=set)
    error: set[str] = field(default_factory=set)
    joins: set[str] = field(default_factory=set)


def bound_names(graph: GraphSpec, layout: Layout) -> Bound:
    """Work out what is bound where; unreachable nodes have nothing."""
    bound = Bound()
    for region in layout.regions:
        outer = bound.branch.get(region.plan, frozenset()) if region.plan else frozenset()
        _branch_names(layout, region, outer, bound)
        bound.joins |= {region.join} if region.join else set()
        for edge in _edges(layout, region):
            if edge.kind == "failure" and not leaves_region(region, edge.target):
                bound.error.add(edge.target)
    ends = [bound.branch[e.source] for region in layout.regions for e in _edges(layout, region) if e.target == END]
    bound.at_end = frozenset.intersection(*ends) if ends else frozenset()
    _results(graph, layout, bound)
    return bound


def _edges(layout: Layout, region: Region) -> Iterator[Edge]:
    for name in region.nodes:
        yield from layout.ways[name]


def _branch_names(layout: Layout, region: Region, outer: frozenset[str], bound: Bound) -> None:
    if not region.openings:
        bound.branch |= dict.fromkeys(region.nodes, outer)
    entries: dict[frozenset[str], list[str]] = {}
    for opening in region.openings:
        everywhere = [frozenset(entry.names) for entry in opening.entries]
        bound.branch_end[opening.path] = outer | frozenset.intersection(*everywhere)
        for entry in opening.entries:
            entries.setdefault(outer | frozenset(entry.names), []).append(entry.target)
    for names, targets in entries.items():
        for name in _reach(layout, region, targets):
            bound.branch[name] = bound.branch.get(name, names) & names


def _reach(layout: Layout, region: Region, entries: list[str]) -> list[str]:
    """The nodes of a region that entries lead to."""
    reached: dict[str, None] = {}
    waiting = deque(entries)
    while waiting:
        name = waiting.popleft()
        if name in reached or layout.owner.get(name) is not region or name == region.join:
            continue
        reached[name] = None
        waiting.extend(edge.target for edge in layout.ways[name])
        waiting.extend(opening.join for opening in layout.openings[name])
    return list(reached)


def _results(graph: GraphSpec, layout: Layout, bound: Bound) -> None:
    """`result` is bound after a task; plans pass it on, to the branches that they open, too."""
    following: dict[str, list[str]] = {}
    for region in layout.regions:
        for edge in _edges(layout, region):
            if not leaves_region(region, edge.target):
                following.setdefault(edge.source, []).append(edge.target)
                bound.result |= {edge.target} if _gives_result(graph, edge) else set()
        for opening in region.openings:
            following.setdefault(opening.plan, []).extend(entry.target for entry in opening.entries)
    waiting = sorted(bound.result)
    while waiting:
        for target in following.get(waiting.pop(), ()):
            if target not in bound.result:
                bound.result.add(target)
                waiting.append(target)


def _gives_result(graph: GraphSpec, edge: Edge) -> bool:
    return graph.nodes[edge.source].kind != "plan" and edge.kind != "failure"
