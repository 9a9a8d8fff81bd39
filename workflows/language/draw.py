"""Draws a compiled graph: as a tree of text for a terminal, and as a Mermaid flowchart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from workflows.language.ways import RESERVED, subject, ways

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.language.graph import Graph
    from workflows.language.ways import Way

MAX_LABEL: Final = 60
_SHAPES: Final = {
    "ToolNode": ("[", "]"),
    "ModelNode": ("(", ")"),
    "AgentNode": ("{{", "}}"),
    "HumanNode": ("[/", "/]"),
    "WaitNode": ("([", "])"),
    "ValidateNode": ("[[", "]]"),
    "PlanNode": ("{", "}"),
}
_ARROWS: Final = {"branch": "==>", "join": "-.->", "failure": "-.->"}


@dataclass(frozen=True, slots=True)
class _Line:
    """What is still to be drawn: a target, the text before it, the indent under it, the join that ends its branch."""

    target: str
    before: str
    indent: str
    join: str | None


def draw_text(graph: Graph) -> str:
    """A tree from `start`; `↑` marks a node that was drawn before, `⇥` the end of a branch at its join."""
    return "\n".join([f"{graph.name} {graph.version}", *_tree(graph)]) + "\n"


def _tree(graph: Graph) -> Iterator[str]:
    """The lines of the tree, depth first without recursion."""
    drawn: set[str] = set()
    waiting = [_Line(graph.start, "", "", None)]
    while waiting:
        line = waiting.pop()
        name = line.target
        if name == line.join:
            yield f"{line.before}⇥ {name}"
        elif name in RESERVED:
            yield f"{line.before}{name}"
        elif name in drawn:
            yield f"{line.before}{name} ↑"
        else:
            drawn.add(name)
            yield f"{line.before}{name}  {_cut(subject(graph.nodes[name]))}"
            waiting += reversed(_below(ways(graph.nodes[name]), line))


def _below(found: list[Way], line: _Line) -> list[_Line]:
    """What is to be drawn under a node."""
    if len(found) == 1 and not found[0].label:
        return [_Line(found[0].target, line.indent, line.indent, line.join)]
    lines: list[_Line] = []
    for index, way in enumerate(found):
        mark, under = ("└─ ", "   ") if index == len(found) - 1 else ("├─ ", "│  ")
        label = f"{_cut(way.label)} → " if way.label else ""
        lines.append(_Line(way.target, f"{line.indent}{mark}{label}", line.indent + under, way.join or line.join))
    return lines


def draw_mermaid(graph: Graph) -> str:
    """A Mermaid flowchart; every label is quoted and escaped, so that no name or condition can end it."""
    numbers = {name: f"n{number}" for number, name in enumerate((*graph.nodes, *RESERVED))}
    lines = ["flowchart TD"]
    for name, node in graph.nodes.items():
        left, right = _SHAPES[type(node).__name__]
        lines.append(f"    {numbers[name]}{left}{_label(name, subject(node))}{right}")
    used = {way.target for node in graph.nodes.values() for way in ways(node)}
    lines += [f"    {numbers[name]}(({_label(name)}))" for name in RESERVED if name in used]
    for name, node in graph.nodes.items():
        for way in ways(node):
            label = f"|{_label(way.label)}|" if way.label else ""
            lines.append(f"    {numbers[name]} {_ARROWS.get(way.kind, '-->')}{label} {numbers[way.target]}")
    return "\n".join(lines) + "\n"


def _label(*texts: str) -> str:
    """Quoted Mermaid text: whatever is neither a letter nor a digit nor harmless is written as its code."""
    return '"' + "<br/>".join("".join(map(_escaped, _cut(text))) for text in texts) + '"'


def _escaped(char: str) -> str:
    return char if char.isalnum() or char in " .,:_-→()" else f"#{ord(char)};"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_LABEL else line[: MAX_LABEL - 1] + "…"
