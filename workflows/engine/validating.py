"""Validate nodes: every check runs, in order; what fails is collected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.contracts.failures import FailureType
from workflows.engine import bindings
from workflows.engine.calling import call_tool
from workflows.engine.machine import problem
from workflows.engine.steps import Fail, Succeed
from workflows.language.expressions import ExpressionError
from workflows.language.graph import ValidateNode
from workflows.language.schema import validate_value

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation
    from workflows.language.graph import Check


def advance(m: Machine, activation: Activation) -> None:
    """Run checks until one needs a tool or none is left; raises `ExpressionError` where one cannot be evaluated."""
    checks = _checks(m, activation)
    while activation.check < len(checks):
        check = checks[activation.check]
        names = bindings.scope(m, m.frame_of(activation), activation)
        if check.tool is not None:
            call_tool(m, activation, check.tool, {} if check.args is None else check.args.render(names))
            return
        _judge(activation, check, names)
    passed = not activation.failures
    result: dict[str, object] = {"passed": passed, "failures": list(activation.failures)}
    m.todo.append(Succeed(activation.id, result, "pass" if passed else "fail"))


def tool_answered(m: Machine, activation: Activation, output: object) -> None:
    """A check's tool gave a result: `when` is judged with `result` bound to it, then the next check runs."""
    check = _checks(m, activation)[activation.check]
    try:
        _judge(activation, check, bindings.scope(m, m.frame_of(activation), activation, result=output))
        advance(m, activation)
    except ExpressionError as error:
        _fail(m, activation, error)


def tool_failed(m: Machine, activation: Activation, message: str) -> None:
    """A check's tool failed, which is a failed check and not a failed node."""
    check = _checks(m, activation)[activation.check]
    activation.failures.append({"name": check.name, "message": message})
    activation.check += 1
    try:
        advance(m, activation)
    except ExpressionError as error:
        _fail(m, activation, error)


def _fail(m: Machine, activation: Activation, error: ExpressionError) -> None:
    m.todo.append(Fail(activation.id, problem(FailureType.EXPRESSION_FAILED, str(error), activation)))


def _checks(m: Machine, activation: Activation) -> tuple[Check, ...]:
    node = m.node_of(activation)
    assert isinstance(node, ValidateNode)
    return node.checks


def _judge(activation: Activation, check: Check, names: dict[str, object]) -> None:
    fault = _fault(check, names)
    activation.check += 1
    if fault is not None:
        activation.failures.append({"name": check.name, "message": fault})


def _fault(check: Check, names: dict[str, object]) -> str | None:
    if check.schema is not None and check.value is not None:
        faults = validate_value(check.schema, bindings.render(check.value, names))
        return "; ".join(faults) or None
    if check.when is None or check.when.holds(names):
        return None
    return "the condition does not hold"
