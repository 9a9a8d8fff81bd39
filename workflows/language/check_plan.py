"""The rules of a plan: one way each, and exactly the last for all that is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.cel_parser import RESERVED as CEL_WORDS
from workflows.language.expressions import ExpressionError, compile_template
from workflows.language.outline import node_path

if TYPE_CHECKING:
    from workflows.language.findings import Findings
    from workflows.language.spec import PlanSpec
    from workflows.language.spec_values import RuleSpec

NAMES: Final = ("input", "state", "run", "visit", "result", "results", "values", "failed", "error", "index")
"""Names that mean something already, so that no branch may bind them."""


def check_plan(name: str, node: PlanSpec, findings: Findings) -> None:
    """Everything that is wrong with a plan's own fields."""
    rules = node.rules or []
    by_model = [field for field in (node.model, node.prompt, node.choices) if field is not None]
    if bool(rules) == bool(by_model) or (by_model and len(by_model) < 3):  # noqa: PLR2004  model, prompt, choices
        message = f"node `{name}`: a plan has `rules`, or else `model`, `prompt` and `choices`"
        findings.error("plan_form", node_path(name), message)
    for index, rule in enumerate(rules):
        path = node_path(name, f"rules[{index}]")
        _rule(name, path, rule, findings)
        last = index == len(rules) - 1
        if last and rule.when is not None:
            message = f"node `{name}`: the last rule has a `when`, so it may be that no rule holds"
            findings.error("plan_not_total", f"{path}.when", message, "add a last rule without `when`")
        if not last and rule.when is None:
            message = f"node `{name}`: this rule always holds, so those after it are never looked at"
            findings.error("rule_unreachable", path, message, "give it a `when`, or put it last")


def _rule(name: str, path: str, rule: RuleSpec, findings: Findings) -> None:
    said = [word for word in ("to", "fork", "map") if getattr(rule, word) is not None]
    if len(said) != 1:
        message = f"node `{name}`: a rule has exactly one of `to`, `fork` and `map`"
        findings.error("rule_form", path, message)
    if rule.map is not None:
        _bound(name, rule.map.as_, f"{path}.map.as", findings)
        if not _may_be_list(rule.map.over):
            message = f"node `{name}`: `over` is not a list"
            findings.error(
                "over_not_list", f"{path}.map.over", message, 'write one expression: `over: "${state.files}"`'
            )
    for index, branch in enumerate(rule.fork.branches if rule.fork else ()):
        for bound in getattr(branch, "with_", ()):
            _bound(name, bound, f"{path}.fork.branches[{index}].with.{bound}", findings)


def _bound(name: str, bound: str, path: str, findings: Findings) -> None:
    if bound in NAMES or bound in CEL_WORDS:
        message = f"node `{name}`: `{bound}` already means something in expressions"
        findings.error("name_taken", path, message, "bind another name")


def _may_be_list(over: object) -> bool:
    try:
        template = compile_template(over)
    except ExpressionError:
        return True  # told where expressions are looked at
    if isinstance(over, str):
        return template.is_single
    return isinstance(over, list)
