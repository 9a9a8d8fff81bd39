"""The ways out of a compiled node, with the words that a drawing puts on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from workflows.language.durations import format_duration
from workflows.language.graph import AgentNode, HumanNode, Map, ModelNode, PlanNode, ToolNode, ValidateNode, WaitNode

if TYPE_CHECKING:
    from workflows.language.graph import AnyNode, Fork, Rule

RESERVED: Final = ("end", "fail")


@dataclass(frozen=True, slots=True)
class Way:
    """One way out: a plain one, a branch that opens (and its `join`), the join of a scope, or where a failure leads."""

    target: str
    label: str
    kind: Literal["edge", "branch", "join", "failure"] = "edge"
    join: str | None = None


def ways(node: AnyNode) -> list[Way]:
    """All ways out of a node, in the order of the document."""
    found = [Way(target, outcome) for outcome, target in node.routes.items()]
    if isinstance(node, PlanNode):
        found = [way for rule in node.rules for way in _rule(rule)]
    elif node.next is not None:
        found.append(Way(node.next, ""))
    if node.on_failure.to is not None:
        found.append(Way(node.on_failure.to, "on failure", "failure"))
    return found


def _rule(rule: Rule) -> list[Way]:
    when = "else" if rule.when is None else rule.when.text
    if rule.to is not None:
        return [Way(rule.to, when)]
    opening = rule.fork or rule.map
    assert opening is not None, "a rule has one of `to`, `fork` and `map`"
    join = Way(opening.join, f"join ({opening.mode})", "join")
    if isinstance(opening, Map):
        over = opening.over.value
        return [Way(opening.to, f"{when}: each {opening.name} of {over}", "branch", opening.join), join]
    return [*_branches(opening, when), join]


def _branches(fork: Fork, when: str) -> list[Way]:
    marks = (" (optional)" if branch.optional else "" for branch in fork.branches)
    return [
        Way(branch.to, f"{when}: fork{mark}", "branch", fork.join)
        for branch, mark in zip(fork.branches, marks, strict=True)
    ]


def subject(node: AnyNode) -> str:
    """What a node is about, in a few words."""
    match node:
        case ToolNode():
            return f"tool {node.tool}"
        case ModelNode():
            return f"model {node.model}"
        case AgentNode():
            return f"agent of {node.model}{_holding(node)}"
        case HumanNode():
            return f"human: {node.ask.value}"
        case WaitNode():
            return f"wait {node.until.value if node.until else format_duration(node.for_s or 0)}"
        case ValidateNode():
            return f"validate {', '.join(check.name for check in node.checks)}"
        case _:
            return "plan"


def _holding(node: AgentNode) -> str:
    """The tools and skills of an agent."""
    named = ", ".join((*node.tools, *(f"skill {skill}" for skill in node.skills)))
    return f" with {named}" if named else ""
