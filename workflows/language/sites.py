"""Every place of a graph where an expression may stand, and what kind of place it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from workflows.language.outline import node_path
from workflows.language.plain import children
from workflows.language.spec import PlanSpec, ValidateSpec
from workflows.language.spec_values import BranchSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.language.spec import AnyNodeSpec, GraphSpec
    from workflows.language.spec_values import CheckSpec, RuleSpec

Role = Literal["entry", "own", "check", "value", "output"]
_FIELDS: Final = {
    "model": ("system", "prompt"),
    "agent": ("instructions", "prompt"),
    "graph": ("input",),
    "human": ("ask", "show"),
    "wait": ("until",),
    "plan": ("prompt",),
}
"""The templates of each kind of node, beside those that all nodes have."""


@dataclass(frozen=True, slots=True)
class Site:
    """One text that is a condition (`bare`) or a template.

    `role` is when it is evaluated: as the node is entered, after it with its own result, in a check of a
    tool with the tool's result, as a branch that `node` opened ends, or as the run ends. `anchor` is the
    path of the node's field.
    """

    node: str | None
    path: str
    text: str
    role: Role
    bare: bool = False
    anchor: str = ""


def sites(graph: GraphSpec) -> Iterator[Site]:
    """All of them, in the order of the document."""
    for name, node in graph.nodes.items():
        yield from _templates(name, node_path(name, "with"), node.with_, "entry")
        yield from _own(name, node)
        for channel, value in node.writes.items():
            yield from _templates(name, node_path(name, "writes", channel), value, "own")
    yield from _templates(None, "output", graph.output, "output")


def _templates(node: str | None, path: str, value: object, role: Role) -> Iterator[Site]:
    stack = [(path, value)]
    while stack:
        place, item = stack.pop()
        if isinstance(item, str):
            yield Site(node, place, item, role, anchor=path)
        stack += reversed(children(item, place))


def _own(name: str, node: AnyNodeSpec) -> Iterator[Site]:
    if isinstance(node, ValidateSpec):
        for index, check in enumerate(node.checks):
            yield from _check(name, node_path(name, f"checks[{index}]"), check)
    if isinstance(node, PlanSpec):
        for index, rule in enumerate(node.rules or ()):
            yield from _rule(name, node_path(name, f"rules[{index}]"), rule)
    for field in _FIELDS.get(node.kind, ()):
        yield from _templates(name, node_path(name, field), getattr(node, field), "entry")


def _check(name: str, path: str, check: CheckSpec) -> Iterator[Site]:
    for field, value in (("value", check.value), ("with", check.with_), ("prompt", check.prompt)):
        yield from _templates(name, f"{path}.{field}", value, "entry")
    if check.when is not None:
        role: Role = "entry" if check.tool is None else "check"
        yield Site(name, f"{path}.when", check.when, role, bare=True, anchor=f"{path}.when")


def _rule(name: str, path: str, rule: RuleSpec) -> Iterator[Site]:
    if rule.when is not None:
        yield Site(name, f"{path}.when", rule.when, "entry", bare=True, anchor=f"{path}.when")
    if rule.fork is not None:
        for index, branch in enumerate(rule.fork.branches):
            if isinstance(branch, BranchSpec):
                for bound, value in branch.with_.items():
                    yield from _templates(name, f"{path}.fork.branches[{index}].with.{bound}", value, "entry")
        yield from _templates(name, f"{path}.fork.value", rule.fork.value, "value")
    if rule.map is not None:
        yield from _templates(name, f"{path}.map.over", rule.map.over, "entry")
        yield from _templates(name, f"{path}.map.value", rule.map.value, "value")
