"""What the language has and this version does not run: it parses, and is refused with those words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workflows.language.outline import node_path
from workflows.language.spec import PlanSpec, ValidateSpec, WaitSpec
from workflows.language.spec_values import Quorum

if TYPE_CHECKING:
    from workflows.language.findings import Findings
    from workflows.language.spec import AnyNodeSpec, GraphSpec
    from workflows.language.spec_values import RuleSpec

KINDS: Final = ("graph",)
REDUCERS: Final = ("messages", "first")


def check_not_yet(graph: GraphSpec, findings: Findings) -> None:
    """Report every part that does not run yet."""
    for channel, spec in graph.state.items():
        if spec.reducer in REDUCERS:
            findings.not_yet(f"state.{channel}.reducer", f"`reducer: {spec.reducer}`")
    for name, node in graph.nodes.items():
        if node.kind in KINDS:
            findings.not_yet(node_path(name, "kind"), f"`kind: {node.kind}`")
        _node(name, node, findings)


def _node(name: str, node: AnyNodeSpec, findings: Findings) -> None:
    if isinstance(node, WaitSpec) and node.event is not None:
        findings.not_yet(node_path(name, "event"), "`wait` for an `event`")
    if isinstance(node, ValidateSpec):
        for index, check in enumerate(node.checks):
            if check.model is not None:
                findings.not_yet(node_path(name, f"checks[{index}]", "model"), "a check by a `model`")
    if isinstance(node, PlanSpec):
        _plan(name, node, findings)


def _plan(name: str, node: PlanSpec, findings: Findings) -> None:
    if node.model is not None:
        findings.not_yet(node_path(name, "model"), "a plan by a `model`")
    for index, rule in enumerate(node.rules or ()):
        _rule(node_path(name, f"rules[{index}]"), rule, findings)


def _rule(path: str, rule: RuleSpec, findings: Findings) -> None:
    for field, opening in (("fork", rule.fork), ("map", rule.map)):
        if opening is not None and opening.mode not in ("all", "settle"):
            mode = f"{{quorum: {opening.mode.quorum}}}" if isinstance(opening.mode, Quorum) else opening.mode
            findings.not_yet(f"{path}.{field}.mode", f"`mode: {mode}`")
