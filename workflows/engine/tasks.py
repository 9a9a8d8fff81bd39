"""How each kind of node starts, and what its result is."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from policies.canonical import NotCanonical, canonical
from workflows.contracts.failures import FailureType
from workflows.engine import agents, bindings, pauses, slots, validating
from workflows.engine.calling import call_model, call_tool, lacks_model
from workflows.engine.clock import parse_rfc3339, seconds_ms
from workflows.engine.commands import StartTimer
from workflows.engine.machine import problem
from workflows.engine.scopes import open_scope, plan_branches
from workflows.engine.state import WaitState
from workflows.engine.steps import Enter, Fail, Succeed
from workflows.language.expressions import ExpressionError
from workflows.language.graph import AgentNode, HumanNode, ModelNode, PlanNode, ToolNode, ValidateNode, WaitNode

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation
    from workflows.language.graph import Rule

MAX_TEXT = 1024 * 1024


def start(m: Machine, activation: Activation) -> None:
    """Start a node's work; an expression that fails, fails the node."""
    if m.retraced and activation.call is not None:
        return
    try:
        _start(m, activation)
    except ExpressionError as error:
        m.todo.append(Fail(activation.id, problem(FailureType.EXPRESSION_FAILED, str(error), activation)))


def _start(m: Machine, activation: Activation) -> None:
    node = m.node_of(activation)
    match node:
        case ToolNode():
            call_tool(m, activation, node.tool, node.args.render(_names(m, activation)))
        case ModelNode():
            _start_model(m, activation, node)
        case AgentNode():
            _start_agent(m, activation, node)
        case HumanNode():
            _start_human(m, activation, node)
        case WaitNode():
            _start_wait(m, activation, node)
        case ValidateNode():
            validating.advance(m, activation)
        case PlanNode():
            _start_plan(m, activation, node)
        case _:
            assert_never(node)


def _names(m: Machine, activation: Activation) -> dict[str, object]:
    return bindings.scope(m, m.frame_of(activation), activation)


def text_of(value: object) -> str:
    """A rendered value as text: strings as they are, everything else as canonical JSON."""
    try:
        return value if isinstance(value, str) else canonical(value).decode()
    except NotCanonical as error:
        raise ExpressionError(f"the value is not JSON: {error}") from error


def _start_model(m: Machine, activation: Activation, node: ModelNode) -> None:
    names = _names(m, activation)
    system = None if node.system is None else text_of(node.system.render(names))
    call_model(m, activation, node, system, text_of(node.prompt.render(names)))


def _start_agent(m: Machine, activation: Activation, node: AgentNode) -> None:
    if lacks_model(m, activation, node.model):
        return
    names = _names(m, activation)
    instructions = "" if node.instructions is None else text_of(node.instructions.render(names))
    agents.start(m, activation, node, instructions, text_of(node.prompt.render(names)))


def _start_human(m: Machine, activation: Activation, node: HumanNode) -> None:
    names = _names(m, activation)
    show = None if node.show is None else text_of(node.show.render(names))
    pauses.open_human(m, activation, node, text_of(node.ask.render(names)), show)


def _start_wait(m: Machine, activation: Activation, node: WaitNode) -> None:
    if node.until is not None:
        until = node.until.render(_names(m, activation))
        try:
            due_ms = parse_rfc3339(str(until))
        except ValueError as error:
            raise ExpressionError(f"`until`: {error}") from error
    else:
        due_ms = m.state.now_ms + seconds_ms(node.for_s or 0)
    if due_ms <= m.state.now_ms:
        m.todo.append(Succeed(activation.id, {"woken_by": "timer", "payload": None}))
        return
    m.state.waits[activation.id] = WaitState(activation.id, due_ms)
    m.out.append(StartTimer(f"wait:{activation.id}", due_ms, activation.id))
    slots.park(m, m.frame_of(activation))


def _start_plan(m: Machine, activation: Activation, node: PlanNode) -> None:
    names = _names(m, activation)
    taken = (place for place, rule in enumerate(node.rules) if rule.when is None or rule.when.holds(names))
    place = next(taken)  # the last rule has no `when`
    _take(m, activation, place, node.rules[place])


def _take(m: Machine, activation: Activation, place: int, rule: Rule) -> None:
    opening = rule.fork or rule.map
    branches = [] if opening is None else plan_branches(m, activation, opening)
    fault = _write_plan(m, activation, rule)  # last, because what fails after it would write again when retried
    if fault is not None:
        m.todo.append(Fail(activation.id, problem(FailureType.INVALID_VALUE, fault, activation)))
        return
    if opening is not None:
        activation.status = "waiting"
        open_scope(m, activation, place, opening, branches)
        return
    frame = m.frame_of(activation)
    m.retire(activation, "ok", f"→ {rule.to}")
    frame.token = None
    frame.error = None if rule.to != "fail" else frame.error
    m.todo.append(Enter(frame.path, str(rule.to)))


def _write_plan(m: Machine, activation: Activation, rule: Rule) -> str | None:
    node = m.node_of(activation)
    if not node.writes:
        return None
    opening = rule.fork or rule.map
    target = rule.to if opening is None else opening.join
    names = bindings.scope(m, m.frame_of(activation), activation, result={"next": target, "reason": "rule"})
    values = [(channel, template.render(names)) for channel, template in node.writes]
    return bindings.write(m, m.frame_of(activation), values)
