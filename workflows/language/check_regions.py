"""Regions: nothing in two of them, no way out but the join, joins that belong to one scope, at most 8 deep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.language.outline import END, RESERVED, node_path
from workflows.language.regions import MAX_NESTING

if TYPE_CHECKING:
    from workflows.language.findings import Findings
    from workflows.language.regions import Layout, Region, Trespass
    from workflows.language.spec import GraphSpec


def check_regions(graph: GraphSpec, layout: Layout, findings: Findings) -> None:
    """Everything that is wrong with where nodes are. Where scopes are too deep, only that."""
    if layout.is_too_deep:
        _depth(layout, findings)
        return
    for trespass in layout.trespasses:
        _trespass(trespass, findings)
    for opening in (opening for region in layout.regions for opening in region.openings):
        for entry in opening.entries:
            if entry.target == opening.join:
                message = f"the branch begins at its own join `{opening.join}`"
                findings.error("entry_is_join", entry.path, message, "begin it at a node that does something")
    _joins(layout, findings)
    _ends(graph, layout, findings)
    for name in graph.nodes:
        if name not in layout.owner:
            message = f"node `{name}` cannot be reached from `start`"
            findings.error("unreachable", node_path(name), message, "lead an edge to it, or take it out")


def _depth(layout: Layout, findings: Findings) -> None:
    for region in layout.regions:
        if region.depth > MAX_NESTING:
            message = f"scopes are nested {region.depth} deep, at most {MAX_NESTING} are allowed"
            findings.error("too_deep", region.openings[0].path, message, "join some of them first")


def _trespass(trespass: Trespass, findings: Findings) -> None:
    target, region, owner = trespass.target, trespass.region, trespass.owner
    if region.within(owner):
        message = f"node `{target}` is in {owner}, and this leads to it from inside {region}"
        hint = f"lead to the join `{region.join}`, or copy it" if region.join else "copy it"
        findings.error("region_escape", trespass.path, message, hint)
    else:
        message = f"node `{target}` is in {owner} and in {region}"
        findings.error("region_overlap", trespass.path, message, "copy it under another name")


def _joins(layout: Layout, findings: Findings) -> None:
    """A join closes one scope, so two plans cannot share it."""
    first: dict[str, str] = {}
    for region in layout.regions[1:]:
        plan, join = str(region.plan), str(region.join)
        if first.setdefault(join, plan) != plan:
            message = f"node `{join}` is already the join of a scope that `{first[join]}` opens"
            findings.error("join_shared", f"{region.openings[0].path}.join", message, "copy it under another name")


def _ends(graph: GraphSpec, layout: Layout, findings: Findings) -> None:
    top = layout.regions[0]
    for name in top.nodes:
        node = graph.nodes[name]
        if node.kind != "plan" and node.next is None and node.routes is None:
            message = f"node `{name}` does not say where to go"
            findings.error("no_next", node_path(name), message, f"write `next: {END}`")


def leaves_region(region: Region, target: str) -> bool:
    """Whether an edge to a target ends the frame that takes it."""
    return target in RESERVED or target == region.join
