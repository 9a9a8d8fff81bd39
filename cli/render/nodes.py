"""The nodes of a run as a tree: branches under the plan that opened them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from cli.render.text import line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workflows.contracts.run import NodeView, RunView

MARKS = {
    "running": ("●", "cyan"),
    "waiting": ("◆", "yellow"),
    "ok": ("✓", "green"),
    "failed": ("✗", "red"),
    "cancelled": ("⊘", "magenta"),
    "skipped": ("–", "dim"),
}
NAME_WIDTH = 18
SUMMARY_CHARS = 120
FEW_BRANCHES = 8


@dataclass(slots=True)
class _Branch:
    """The nodes of one branch, and the branches that each of its plans opened."""

    nodes: list[NodeView] = field(default_factory=list)


def node_tree(view: RunView, calls: Mapping[str, str] | None = None, *, compact: bool = False) -> Tree:
    """The tree; `calls` maps an activation to what its call reports now. `compact` folds branches that are done."""
    branches: dict[str, _Branch] = {}
    for node in sorted(view.nodes, key=lambda node: node.started_at):
        branches.setdefault(node.branch, _Branch()).nodes.append(node)
    tree = Tree(Text(), hide_root=True, guide_style="dim")
    asking = frozenset(pause.activation for pause in view.pauses)
    _Painter(branches, calls or {}, asking, compact=compact).paint(tree, "")
    return tree


class _Painter:
    """Draws branch after branch; each is drawn once, whatever the view holds."""

    def __init__(
        self, branches: dict[str, _Branch], calls: Mapping[str, str], asking: frozenset[str], *, compact: bool
    ) -> None:
        self._branches = branches
        self._calls = calls
        self._asking = asking
        self._compact = compact
        self._children: dict[str, list[str]] = {}
        known = {node.activation for branch in branches.values() for node in branch.nodes}
        for path in sorted(branches, key=_order):
            if path:
                opener = path.rpartition("[")[0]
                self._children.setdefault(opener if opener in known else "", []).append(path)

    def paint(self, tree: Tree, path: str) -> None:
        """Draw the nodes of a branch under `tree`, then the branches whose opener is not in the view any more."""
        branch = self._branches.get(path)
        for node in branch.nodes if branch else ():
            asks = node.activation in self._asking
            row = tree.add(node_row(node, self._calls.get(node.activation), asks=asks))
            self._paint_branches(row, self._children.get(node.activation, []))
        if not path:
            self._paint_branches(tree, self._children.get("", []))

    def _paint_branches(self, tree: Tree, paths: Sequence[str]) -> None:
        folded = [path for path in paths if self._compact and len(paths) > FEW_BRANCHES and self._is_done(path)]
        for path in paths:
            if path not in folded:
                self.paint(tree.add(Text(_index(path), style="dim")), path)
        if folded:
            tree.add(Text(f"{len(folded)} of {len(paths)} branches done", style="dim"))

    def _is_done(self, path: str) -> bool:
        return all(node.status in ("ok", "skipped") for node in self._branches[path].nodes)


def node_row(node: NodeView, call: str | None = None, *, asks: bool = False) -> Text:
    """`✓ read  tool  12 ms  what it says of itself`; `asks` tells a node that asks a person from one that waits."""
    mark, style = MARKS["running" if node.status == "waiting" and not asks else node.status]
    name = line(node.node, 60) + (f" #{node.visit}" if node.visit > 1 else "")
    facts = f" {line(node.kind):<8} {duration(node.started_at, node.ended_at):>8}"
    row = Text.assemble((f"{mark} ", style), f"{name:<{NAME_WIDTH}}", (facts, "dim"))
    if node.summary:
        row.append(f"  {line(node.summary, SUMMARY_CHARS)}", style="red" if node.status == "failed" else "dim")
    if call and node.status == "running":
        row.append(f"  {line(call, SUMMARY_CHARS)}", style="cyan")
    return row


def duration(started: str, ended: str | None) -> str:
    """How long something took, from two RFC 3339 times; empty if it is not over."""
    try:
        took_s = (datetime.fromisoformat(ended or "") - datetime.fromisoformat(started)).total_seconds()
    except ValueError:
        return ""
    return f"{took_s * 1000:.0f} ms" if took_s < 1 else f"{took_s:.1f} s"


def _order(path: str) -> tuple[str, int]:
    """Branches of one plan in the order of their index."""
    opener, _, index = path.rpartition("[")
    number = index.rstrip("]")
    return opener, int(number) if number.isdecimal() else 0


def _index(path: str) -> str:
    """`split#1[3]` → `[3]`: the row above names the rest."""
    return line(path[path.rfind("[") :])
