"""Writers: two branches of one scope must not both write a channel that cannot merge."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from workflows.language.check_regions import leaves_region
from workflows.language.outline import node_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.language.findings import Findings
    from workflows.language.outline import Entry, Opening
    from workflows.language.regions import Layout, Region
    from workflows.language.spec import GraphSpec

    Singles = Mapping[str, list[str]]  # for each node the channels with a single write that it writes

SINGLE: Final = ("last", "first")
"""The reducers that keep one write of all."""


def check_writers(graph: GraphSpec, layout: Layout, findings: Findings) -> None:
    """Report each channel of each scope once, at a write of the second branch."""
    kept = frozenset(name for name, spec in graph.state.items() if spec.reducer in SINGLE and not spec.local)
    singles = {name: [c for c in node.writes if c in kept] for name, node in graph.nodes.items()}
    if any(singles.values()):
        for region in layout.regions[1:]:
            for opening in region.openings:
                _opening(layout, region, opening, singles, findings)


def _opening(layout: Layout, region: Region, opening: Opening, singles: Singles, findings: Findings) -> None:
    branches = [(entry, _writes(layout, region, entry.target, singles)) for entry in opening.entries]
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


def _writes(layout: Layout, region: Region, entry: str, singles: Singles) -> dict[str, str]:
    """The channels with a single write that a branch may write, and the first node that does."""
    found: dict[str, str] = {}
    for name in _branch(layout, region, entry):
        for channel in singles[name]:
            found.setdefault(channel, name)
    return found


def _branch(layout: Layout, region: Region, entry: str) -> list[str]:
    """The nodes that a branch may visit, those of the scopes inside it among them."""
    reached: dict[str, None] = {}
    waiting = deque([entry])
    while waiting:
        name = waiting.popleft()
        if name in reached or name not in layout.owner or leaves_region(region, name):
            continue
        reached[name] = None
        waiting.extend(edge.target for edge in layout.ways[name])
        for opening in layout.openings[name]:
            waiting.append(opening.join)
            waiting.extend(inner.target for inner in opening.entries)
    return list(reached)
