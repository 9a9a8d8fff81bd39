"""Moving tokens: entering nodes, ending activations well or badly, and where the token goes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.engine import agents, bindings, measuring, spending, tasks, validating
from workflows.engine.finishing import begin_ending
from workflows.engine.machine import problem
from workflows.engine.on_failure import choice_of
from workflows.engine.pauses import ask_before, open_for_failure
from workflows.engine.queue import enqueue
from workflows.engine.scopes import end_branch, fail_branch
from workflows.engine.state import Activation
from workflows.engine.steps import Advance, Enter, Fail, Lifted, Requeue, Resolved, Restart, Succeed
from workflows.language.expressions import ExpressionError

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import Frame
    from workflows.engine.steps import Step

MAX_MOVES = 1000
"""Moves of one frame's token for one event (graph-language.md, "Frames, scopes, state")."""


def take_steps(m: Machine) -> None:
    """Take every step until the run waits for something outside."""
    while m.todo:
        take_step(m)


def take_step(m: Machine) -> None:
    """Take the next step; there must be one."""
    step = m.todo.popleft()
    if m.follower is not None:
        m.follower.moved(m.state, step)
    _take(m, step)


def _take(m: Machine, step: Step) -> None:
    if isinstance(step, Enter):
        frame = m.state.frames.get(step.frame)
        if frame is not None:
            _enter(m, frame, step.target)
        return
    activation = m.state.activations.get(step.activation)
    if activation is None or activation.status == "cancelled":
        return
    if activation.agent is not None and isinstance(step, Succeed | Fail):
        agents.ended(m, activation, step)
        return
    match step:
        case Succeed():
            _succeed(m, activation, step)
        case Fail():
            _fail(m, activation, step)
        case _:
            _go_on(m, activation, step)


def _go_on(m: Machine, activation: Activation, step: Requeue | Restart | Resolved | Lifted | Advance) -> None:
    match step:
        case Requeue():
            enqueue(m, m.state.calls[step.call])
        case Restart():
            tasks.start(m, activation)
        case Resolved():
            agents.resolved(m, activation, step)
        case Lifted():
            agents.lifted(m, activation, step)
        case Advance():
            agents.advance(m, activation)
        case _:
            assert_never(step)


def _enter(m: Machine, frame: Frame, target: str) -> None:
    moves = m.moves[frame.path] = m.moves.get(frame.path, 0) + 1
    if moves > MAX_MOVES:
        message = f"more than {MAX_MOVES} moves without waiting for anything, at `{target}`"
        begin_ending(m, "failed", error=ErrorInfo(type=FailureType.RUNAWAY, message=message, node=target))
    elif target == "end" and m.state.halted is not None:
        m.state.deferred[frame.path] = Enter(frame.path, target)
    elif target == "end":
        _finish(m, frame)
    elif target == "fail":
        _fail_frame(m, frame, _fail_reached(frame))
    elif frame.scope is not None and target == m.state.scopes[frame.scope].join:
        end_branch(m, frame)
    else:
        _activate(m, frame, target)


def _fail_reached(frame: Frame) -> ErrorInfo:
    if frame.error is not None:
        return frame.error
    return ErrorInfo(type=FailureType.FAIL_REACHED, message="the graph took an edge to `fail`")


def _finish(m: Machine, frame: Frame) -> None:
    output: object = None
    if m.graph.output is not None:
        try:
            output = m.graph.output.render(bindings.scope(m, frame))
        except ExpressionError as error:
            _fail_output(m, FailureType.EXPRESSION_FAILED, str(error))
            return
        size = measuring.fault(output, measuring.MAX_OUTPUT_BYTES)
        if size is not None:
            _fail_output(m, FailureType.RESULT_TOO_LARGE, size)
            return
    begin_ending(m, "completed", frame=frame, output=output)


def _fail_output(m: Machine, kind: FailureType, message: str) -> None:
    begin_ending(m, "failed", error=ErrorInfo(type=kind, message=f"the graph's `output`: {message}"))


def _activate(m: Machine, frame: Frame, name: str) -> None:
    node = m.graph.nodes[name]
    visit = frame.visits[name] = frame.visits.get(name, 0) + 1
    m.state.totals.visits += 1
    prefix = f"{frame.path}/" if frame.path else ""
    activation = Activation(
        id=f"{prefix}{name}#{visit}",
        frame=frame.path,
        node=name,
        visit=visit,
        kind=node.kind,
        seq=m.state.totals.visits,
        started_ms=m.state.now_ms,
    )
    m.state.activations[activation.id] = activation
    frame.token = activation.id
    if m.follower is not None:
        m.follower.began(activation)
    error = _refused_visit(m, activation, node.max_visits)
    if error is not None:
        m.todo.append(Fail(activation.id, error))
    elif not ask_before(m, activation):
        tasks.start(m, activation)


def _refused_visit(m: Machine, activation: Activation, max_visits: int) -> ErrorInfo | None:
    if activation.visit > max_visits:
        message = f"node `{activation.node}` was visited {max_visits} times, its `max_visits`"
        return problem(FailureType.VISITS_EXCEEDED, message, activation)
    return spending.charge_step(m, activation)


def _succeed(m: Machine, activation: Activation, step: Succeed) -> None:
    frame = m.frame_of(activation)
    node = m.node_of(activation)
    if activation.kind == "validate" and step.outcome is None:  # a person said what the tool of a check gave
        validating.tool_answered(m, activation, step.result)
        return
    if not step.skipped:
        fault = _write(m, activation, step.result)
        if fault is not None:
            m.todo.append(Fail(activation.id, fault))
            return
    target = node.next if step.outcome is None or not node.routes else node.routes[step.outcome]
    frame.bound, frame.worked, frame.result, frame.token = True, True, step.result, None
    if target != "fail":  # `fail` ends the frame with the error that is bound here
        frame.error = None
    m.retire(activation, "skipped" if step.skipped else "ok", step.outcome or activation.summary)
    m.todo.append(Enter(frame.path, str(target)))


def _write(m: Machine, activation: Activation, result: object) -> ErrorInfo | None:
    node = m.node_of(activation)
    if not node.writes:
        return None
    frame = m.frame_of(activation)
    names = bindings.scope(m, frame, activation, result=result)
    try:
        values = [(channel, template.render(names)) for channel, template in node.writes]
    except ExpressionError as error:
        return problem(FailureType.EXPRESSION_FAILED, f"`writes`: {error}", activation)
    fault = bindings.write(m, frame, values)
    return None if fault is None else problem(FailureType.INVALID_VALUE, f"`writes`: {fault}", activation)


def _fail(m: Machine, activation: Activation, step: Fail) -> None:
    choice = choice_of(m, activation, step.error)
    if choice.action == "pause" and not m.retraced and open_for_failure(m, activation, step.error, step.call):
        return
    if step.call is not None:
        m.state.calls.pop(step.call, None)
    frame = m.frame_of(activation)
    m.retire(activation, "failed", f"{step.error.type}: {step.error.message}"[:200])
    frame.token = None
    if choice.action == "to":
        frame.error = step.error
        m.todo.append(Enter(frame.path, str(choice.to)))
    else:
        _fail_frame(m, frame, step.error)


def _fail_frame(m: Machine, frame: Frame, error: ErrorInfo) -> None:
    if frame.scope is None:
        begin_ending(m, "failed", error=error)
    else:
        fail_branch(m, frame, error)
