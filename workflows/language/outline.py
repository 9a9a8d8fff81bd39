"""The shape of a graph: its edges, and the scopes that its plans open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from workflows.language.spec import PlanSpec
from workflows.language.spec_values import BranchSpec, FailureRoute, ForkSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.language.spec import AnyNodeSpec, GraphSpec
    from workflows.language.spec_values import MapSpec

END: Final = "end"
FAIL: Final = "fail"
RESERVED: Final = (END, FAIL)


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from a node to a name, and where the document says so."""

    source: str
    target: str
    path: str
    kind: Literal["next", "route", "rule", "failure"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a branch begins; `names` are what it binds there."""

    target: str
    path: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """A rule of a plan that opens a scope."""

    plan: str
    path: str
    entries: tuple[Entry, ...]
    join: str
    is_map: bool


def node_path(name: str, *fields: str) -> str:
    """The path of a node's field."""
    return ".".join(("nodes", name, *fields))


def edges(graph: GraphSpec, name: str) -> Iterator[Edge]:
    """The edges that a node's own fields and the defaults say, in the order of the document."""
    node = graph.nodes[name]
    if node.next is not None:
        yield Edge(name, node.next, node_path(name, "next"), "next")
    for outcome, target in (node.routes or {}).items():
        yield Edge(name, target, node_path(name, "routes", outcome), "route")
    if isinstance(node, PlanSpec):
        for index, rule in enumerate(node.rules or ()):
            if rule.to is not None:
                yield Edge(name, rule.to, node_path(name, f"rules[{index}]", "to"), "rule")
        for index, choice in enumerate(node.choices or ()):
            yield Edge(name, choice, node_path(name, f"choices[{index}]"), "rule")
    yield from _failure_edge(graph, name, node)


def _failure_edge(graph: GraphSpec, name: str, node: AnyNodeSpec) -> Iterator[Edge]:
    if isinstance(node.on_failure, FailureRoute):
        yield Edge(name, node.on_failure.to, node_path(name, "on_failure", "to"), "failure")
    elif node.on_failure is None and isinstance(graph.defaults.on_failure, FailureRoute):
        target = graph.defaults.on_failure.to
        if target != name:
            yield Edge(name, target, "defaults.on_failure.to", "failure")


def openings(graph: GraphSpec, name: str) -> Iterator[Opening]:
    """The scopes that a node opens, one for each rule with `fork` or `map`."""
    node = graph.nodes[name]
    if not isinstance(node, PlanSpec):
        return
    for index, rule in enumerate(node.rules or ()):
        path = node_path(name, f"rules[{index}]")
        if rule.fork is not None:
            yield Opening(name, f"{path}.fork", _fork_entries(rule.fork, path), rule.fork.join, is_map=False)
        if rule.map is not None:
            yield Opening(name, f"{path}.map", (_map_entry(rule.map, path),), rule.map.join, is_map=True)


def _fork_entries(fork: ForkSpec, path: str) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    for index, branch in enumerate(fork.branches):
        place = f"{path}.fork.branches[{index}]"
        if isinstance(branch, BranchSpec):
            entries.append(Entry(branch.to, f"{place}.to", tuple(branch.with_)))
        else:
            entries.append(Entry(branch, place, ()))
    return tuple(entries)


def _map_entry(opened: MapSpec, path: str) -> Entry:
    return Entry(opened.to, f"{path}.map.to", (opened.as_, "index"))
