"""Each node's own rules: which fields go together, routes that are total, times that make sense."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from policies.reading import nearest, quoted
from workflows.language.check_plan import check_plan
from workflows.language.durations import parse_duration
from workflows.language.expressions import ExpressionError, compile_template
from workflows.language.outline import node_path
from workflows.language.people import read_people
from workflows.language.spec import HumanSpec, PlanSpec, ToolSpec, ValidateSpec, WaitSpec

if TYPE_CHECKING:
    from workflows.language.findings import Findings
    from workflows.language.spec import AnyNodeSpec, GraphSpec
    from workflows.language.spec_values import CheckSpec, Retry

AFTER_TIMEOUT: Final = ("abort", "keep_waiting", "escalate")
_FORMS: Final = "`when`, or `schema` and `value`, or `tool` with `when`, or `model` and `prompt`"


def check_fields(graph: GraphSpec, findings: Findings) -> None:
    """Everything that is wrong with a node whatever the others are."""
    _times("defaults", graph.defaults.timeout, graph.defaults.retry, findings)
    for name, node in graph.nodes.items():
        path = node_path(name)
        _times(path, node.timeout, node.retry, findings)
        _routes(name, node, findings)
        if node.with_ is not None and not isinstance(node, ToolSpec) and node.kind != "graph":
            findings.warning(
                "unused_with", f"{path}.with", f"node `{name}`: `with` has no effect on a {node.kind} node"
            )
        match node:
            case HumanSpec():
                _human(name, node, findings)
            case WaitSpec():
                _wait(name, node, findings)
            case ValidateSpec():
                _checks(name, node, findings)
            case PlanSpec():
                check_plan(name, node, findings)
            case _:
                pass


def _times(path: str, timeout: str | None, retry: Retry | None, findings: Findings) -> None:
    check_duration(f"{path}.timeout", timeout, findings)
    if retry is not None:
        check_duration(f"{path}.retry.initial", retry.initial, findings)
        check_duration(f"{path}.retry.max_interval", retry.max_interval, findings)


def check_duration(path: str, text: str | None, findings: Findings, *, zero: bool = False) -> None:
    """Report a duration that is over ten years, or nothing at all where that makes no sense."""
    if text is None:
        return
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        findings.error("bad_duration", path, f"`{text}` {error}")
        return
    if not seconds and not zero:
        findings.error("bad_duration", path, f"`{text}` is no time at all", "write at least `1ms`")


def _routes(name: str, node: AnyNodeSpec, findings: Findings) -> None:
    """`routes` has exactly one entry for each outcome; a node without outcomes has none."""
    path = node_path(name, "routes")
    if node.kind == "plan":
        _no_target(name, node, findings)
    elif node.routes is not None:
        if node.next is not None:
            findings.error("next_and_routes", path, f"node `{name}` has both `next` and `routes`", "keep one of them")
        outcomes = _outcomes(node)
        if outcomes:
            _totality(name, node.routes, outcomes, findings)
        else:
            message = f"node `{name}`: a {node.kind} node has no outcomes to route"
            findings.error("no_outcomes", path, message, "write `next`")


def _no_target(name: str, node: AnyNodeSpec, findings: Findings) -> None:
    for field, said in (("next", node.next), ("routes", node.routes)):
        if said is not None:
            message = f"node `{name}`: a plan goes where its rules say, so `{field}` has no place in it"
            findings.error("plan_target", node_path(name, field), message, "make it the last rule: `- to: …`")


def _totality(name: str, routes: dict[str, str], outcomes: list[str], findings: Findings) -> None:
    path = node_path(name, "routes")
    missing = [outcome for outcome in outcomes if outcome not in routes]
    if missing:
        findings.error("route_missing", path, f"node `{name}` does not route {quoted(missing)}", "add where it leads")
    for outcome in routes:
        if outcome not in outcomes:
            hint = nearest(outcome, outcomes) or f"its outcomes are {quoted(outcomes)}"
            findings.error("unknown_outcome", f"{path}.{outcome}", f"node `{name}` has no outcome `{outcome}`", hint)


def _outcomes(node: AnyNodeSpec) -> list[str]:
    if isinstance(node, HumanSpec):
        return node.outcomes
    return ["pass", "fail"] if isinstance(node, ValidateSpec) else []


def _human(name: str, node: HumanSpec, findings: Findings) -> None:
    check_duration(node_path(name, "deadline"), node.deadline, findings)
    for index, outcome in enumerate(node.outcomes):
        if outcome in node.outcomes[:index]:
            path = node_path(name, f"outcomes[{index}]")
            findings.error("duplicate_outcome", path, f"node `{name}`: the outcome `{outcome}` is there twice")
    findings.problems += read_people(node.answerers, node_path(name, "answerers"))[2]
    choices = (*AFTER_TIMEOUT, *node.outcomes)
    if node.on_timeout not in choices:
        message = f"node `{name}`: `{node.on_timeout}` is neither an outcome nor {quoted(AFTER_TIMEOUT)}"
        findings.error("unknown_outcome", node_path(name, "on_timeout"), message, nearest(node.on_timeout, choices))
    if node.on_timeout == "escalate" and "escalate" not in node.outcomes and node.deadline is None:
        message = f"node `{name}`: without a `deadline` nothing ever escalates"
        findings.error("escalate_when", node_path(name, "on_timeout"), message, "write `deadline: 1h`")
    if node.ui == "toast":
        message = f"node `{name}`: a toast does not wait, and a human node does"
        findings.error("toast", node_path(name, "ui"), message, "write `panel` or `modal`")


def _wait(name: str, node: WaitSpec, findings: Findings) -> None:
    said = [
        word for word, value in (("for", node.for_), ("until", node.until), ("event", node.event)) if value is not None
    ]
    if len(said) != 1:
        message = f"node `{name}` says {quoted(said) if said else 'nothing'} of `for`, `until` and `event`"
        findings.error("wait_for_what", node_path(name), message, "write exactly one of them")
    check_duration(node_path(name, "for"), node.for_, findings, zero=True)
    check_duration(node_path(name, "deadline"), node.deadline, findings)
    if node.deadline is not None and node.event is None:
        findings.error("wait_deadline", node_path(name, "deadline"), f"node `{name}`: `deadline` goes with `event`")
    if node.until is not None and not _may_be_time(node.until):
        message = f"node `{name}`: `{node.until}` is not an RFC 3339 time"
        findings.error("bad_time", node_path(name, "until"), message, "write one such as `2030-01-31T09:00:00Z`")


def _may_be_time(text: str) -> bool:
    """Whether it is a time with an offset, or has expressions, which are looked at elsewhere."""
    try:
        template = compile_template(text)
        return not template.is_constant or datetime.fromisoformat(str(template.render({}))).tzinfo is not None
    except ExpressionError:
        return True
    except ValueError:
        return False


def _checks(name: str, node: ValidateSpec, findings: Findings) -> None:
    names = [check.name for check in node.checks]
    for index, check in enumerate(node.checks):
        path = node_path(name, f"checks[{index}]")
        if check.name in names[:index]:
            message = f"node `{name}`: a check named `{check.name}` is there twice"
            findings.error("duplicate_check", f"{path}.name", message)
        if not _is_check(check):
            message = f"node `{name}`: check `{check.name}` must have {_FORMS}"
            findings.error("check_form", path, message, "take out what does not belong")


def _is_check(check: CheckSpec) -> bool:
    said = {field.removesuffix("_") for field in check.model_fields_set} - {"name"}
    return said in ({"when"}, {"schema", "value"}, {"tool", "when"}, {"tool", "with", "when"}, {"model", "prompt"})
