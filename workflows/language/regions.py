"""Which region each node is in: the top level, or what a scope's entries reach without passing its join."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from workflows.language.outline import RESERVED, Edge, Opening, edges, openings

if TYPE_CHECKING:
    from workflows.language.spec import GraphSpec

MAX_NESTING: Final = 8


@dataclass(slots=True, eq=False)
class Region:
    """The top level (no `plan`), or the scope of one plan and one join; two rules of a plan may share it.

    `nodes` are in the order in which they are reached, `depth` is the number of scopes that are open in it.
    """

    plan: str | None = None
    join: str | None = None
    parent: Region | None = None
    depth: int = 0
    openings: list[Opening] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)

    def within(self, other: Region) -> bool:
        """Whether it is the other region or lies in it."""
        region: Region | None = self
        while region is not None and region is not other:
            region = region.parent
        return region is other

    def __str__(self) -> str:
        return "the top level" if self.plan is None else f"the scope that `{self.plan}` opens"


@dataclass(frozen=True, slots=True)
class Trespass:
    """A way from a region to a node that is already in another one."""

    target: str
    path: str
    region: Region
    owner: Region


@dataclass(slots=True)
class Layout:
    """Every region, outer ones first, and the region of every node that can be reached.

    `ways` are all edges of each of those nodes, the implicit one to the join among them, and `openings` the
    scopes that it opens. Regions that are too deep are there, and what is in them is not.
    """

    regions: list[Region]
    owner: dict[str, Region] = field(default_factory=dict)
    trespasses: list[Trespass] = field(default_factory=list)
    ways: dict[str, tuple[Edge, ...]] = field(default_factory=dict)
    openings: dict[str, tuple[Opening, ...]] = field(default_factory=dict)

    @property
    def is_too_deep(self) -> bool:
        """Whether scopes are nested more than 8 deep."""
        return any(region.depth > MAX_NESTING for region in self.regions)

    def next_of(self, graph: GraphSpec, name: str) -> str | None:
        """A node's `next`, or the join of its region where the document leaves it out."""
        node = graph.nodes[name]
        if node.next is not None or node.routes is not None or node.kind == "plan":
            return node.next
        return self.owner[name].join


def lay_out(graph: GraphSpec) -> Layout:
    """Walk the graph from `start`, each region whole before those inside it. Unknown names are passed over."""
    top = Region()
    layout = Layout([top])
    _walk(graph, layout, top, [(graph.start, "start")])
    for region in layout.regions:  # grows while it is walked: a region is appended when its plan is reached
        if region is not top and region.depth <= MAX_NESTING:
            entries = [(entry.target, entry.path) for opening in region.openings for entry in opening.entries]
            _walk(graph, layout, region, entries)
    return layout


def _walk(graph: GraphSpec, layout: Layout, region: Region, entries: list[tuple[str, str]]) -> None:
    waiting = deque(entries)
    while waiting:
        name, path = waiting.popleft()
        if name in RESERVED or name == region.join or name not in graph.nodes:
            continue
        owner = layout.owner.get(name)
        if owner is None:
            layout.owner[name] = region
            region.nodes.append(name)
            layout.ways[name] = _ways(graph, layout, name)
            layout.openings[name] = tuple(openings(graph, name))
            waiting.extend((edge.target, edge.path) for edge in layout.ways[name])
            waiting.extend(_open(layout, region, name))
        elif owner is not region:
            layout.trespasses.append(Trespass(name, path, region, owner))


def _ways(graph: GraphSpec, layout: Layout, name: str) -> tuple[Edge, ...]:
    said = tuple(edges(graph, name))
    implicit = layout.next_of(graph, name) if graph.nodes[name].next is None else None
    return said if implicit is None else (*said, Edge(name, implicit, f"nodes.{name}", "next"))


def _open(layout: Layout, region: Region, name: str) -> list[tuple[str, str]]:
    """Note the regions that a plan opens; gives back their joins, which go on in the plan's own region."""
    mine: dict[str, Region] = {}
    for opening in layout.openings[name]:
        inner = mine.setdefault(opening.join, Region(name, opening.join, region, region.depth + 1))
        inner.openings.append(opening)
    layout.regions += mine.values()
    return [(opening.join, f"{opening.path}.join") for opening in layout.openings[name]]
