"""Writers: two branches of one scope must not both write a channel that cannot merge."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from workflows.language.check_regions import leaves_region
from workflows.language.outline import node_path, openings

if TYPE_CHECKING:
    from workflows.language.findings import Findings
    from workflows.language.outline import Entry, Opening
    from workflows.language.regions import Layout, Region
    from workflows.language.spec import GraphSpec

SINGLE: Final = ("last", "first")
"""The reducers that keep one write of all."""


def check_writers(graph: GraphSpec, layout: Layout, findings: Findings) -> None:
    """Report each channel of each scope once, at a write of the second branch."""
    for region in layout.regions[1:]:
        for opening in region.openings:
            _opening(graph, layout, region, opening, findings)


def _opening(graph: GraphSpec, layout: Layout, region: Region, opening: Opening, findings: Findings) -> None:
    branches = [(entry, _writes(graph, layout, region, entry.target)) for entry in opening.entries]
    writers: dict[str, list[tuple[Entry, str]]] = {}
    for entry, writes in branches * (2 if opening.is_map else 1):  # a map's branches are alike, and there may be two
        for channel, writer in writes.items():
            writers.setdefault(channel, []).append((entry, writer))
    for channel, found in writers.items():
        if len(found) > 1:
            (one, _), (other, writer) = found[:2]
            _tell(opening, channel, writer, (one, other), findings)


def _tell(opening: Opening, channel: str, writer: str, branches: tuple[Entry, Entry], findings: Findings) -> None:
    who = "all branches" if opening.is_map else " and ".join(f"`{entry.target}`" for entry in branches)
    message = (
        f"node `{writer}`: {who} of a scope that `{opening.plan}` opens may write `{channel}`, which keeps one write"
    )
    hint = "give it another reducer, or make it `local: true`"
    findings.error("write_conflict", node_path(writer, "writes", channel), message, hint)


def _writes(graph: GraphSpec, layout: Layout, region: Region, entry: str) -> dict[str, str]:
    """The channels with a single write that a branch may write, and the first node that does."""
    found: dict[str, str] = {}
    for name in _branch(graph, layout, region, entry):
        for channel in graph.nodes[name].writes:
            spec = graph.state.get(channel)
            if spec is not None and spec.reducer in SINGLE and not spec.local:
                found.setdefault(channel, name)
    return found


def _branch(graph: GraphSpec, layout: Layout, region: Region, entry: str) -> list[str]:
    """The nodes that a branch may visit, those of the scopes inside it among them."""
    reached: dict[str, None] = {}
    waiting = deque([entry])
    while waiting:
        name = waiting.popleft()
        if name in reached or name not in graph.nodes or leaves_region(region, name):
            continue
        reached[name] = None
        waiting.extend(edge.target for edge in layout.ways(graph, name))
        for opening in openings(graph, name):
            waiting.append(opening.join)
            waiting.extend(inner.target for inner in opening.entries)
    return list(reached)
