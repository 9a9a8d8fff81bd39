"""Forks and maps: opening a scope, ending its branches, and merging them in branch order at the join."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.engine import bindings, slots
from workflows.engine.dropping import drop_token
from workflows.engine.machine import problem
from workflows.engine.merging import branch_fault, results_of, scope_failed
from workflows.engine.state import BranchState, Scope
from workflows.engine.steps import Enter, Fail
from workflows.language.expressions import ExpressionError
from workflows.language.graph import Fork, Map, PlanNode

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, BranchStatus, Frame
    from workflows.language.expressions import Template

MAX_BRANCHES = 10_000


def plan_branches(m: Machine, activation: Activation, opening: Fork | Map) -> list[BranchState]:
    """The branches that a rule opens, evaluated once; raises `ExpressionError` where its expressions fail."""
    return _fork(m, activation, opening) if isinstance(opening, Fork) else _map(m, activation, opening)


def open_scope(
    m: Machine, activation: Activation, place: int, opening: Fork | Map, branches: list[BranchState]
) -> None:
    """Open a scope under a plan's activation and start as many branches as it has slots for."""
    scope = Scope(
        id=activation.id,
        frame=activation.frame,
        plan=activation.node,
        rule=place,
        join=opening.join,
        mode=opening.mode,
        max_concurrency=opening.max_concurrency,
        branches=branches,
        unfinished=len(branches),
    )
    m.state.scopes[scope.id] = scope
    if branches:
        slots.refill(m, scope)
    else:
        try_close(m, scope)


def _fork(m: Machine, activation: Activation, fork: Fork) -> list[BranchState]:
    names = bindings.scope(m, m.frame_of(activation), activation)
    return [
        BranchState(
            index=index,
            to=branch.to,
            optional=branch.optional,
            bindings={name: bindings.render(template, names) for name, template in branch.bind},
        )
        for index, branch in enumerate(fork.branches)
    ]


def _map(m: Machine, activation: Activation, opening: Map) -> list[BranchState]:
    items = bindings.render(opening.over, bindings.scope(m, m.frame_of(activation), activation))
    if not isinstance(items, list):
        raise ExpressionError(f"`over` must be a list, got {type(items).__name__}")
    if len(items) > MAX_BRANCHES:
        raise ExpressionError(f"`over` has {len(items)} items; a map takes at most {MAX_BRANCHES}")
    return [
        BranchState(index=index, to=opening.to, optional=False, bindings={opening.name: item, "index": index})
        for index, item in enumerate(items)
    ]


def end_branch(m: Machine, frame: Frame) -> None:
    """A branch has reached its join: its value is evaluated in its own view, then it ends well."""
    template = _value_template(m, m.state.scopes[str(frame.scope)], frame.index)
    value = frame.result if frame.bound and frame.worked else None
    if template is not None:
        try:
            value = bindings.render(template, bindings.scope(m, frame))
        except ExpressionError as error:
            fail_branch(m, frame, problem(FailureType.EXPRESSION_FAILED, f"the branch's `value`: {error}"))
            return
    finish_branch(m, frame, "ok", value=value)


def _value_template(m: Machine, scope: Scope, index: int) -> Template | None:
    plan = m.graph.nodes[scope.plan]
    assert isinstance(plan, PlanNode)
    rule = plan.rules[scope.rule]
    if rule.fork is not None:
        return rule.fork.branches[index].value
    return None if rule.map is None else rule.map.value


def fail_branch(m: Machine, frame: Frame, error: ErrorInfo) -> None:
    """A branch failed: a result in a settle scope or where it is optional, else the end of its scope."""
    finish_branch(m, frame, "failed", error=error)


def finish_branch(
    m: Machine, frame: Frame, status: BranchStatus, *, value: object = None, error: ErrorInfo | None = None
) -> None:
    """Record how a branch ended and see whether its scope can go on."""
    scope = m.state.scopes[str(frame.scope)]
    branch = scope.branches[frame.index]
    branch.status, branch.value, branch.error = status, value, error
    if status == "ok":
        branch.writes = frame.writes
    _forget(m, frame)
    scope.unfinished -= 1
    slots.release(scope, branch)
    if status == "failed" and scope.mode == "all" and not branch.optional and scope.failed_branch is None:
        scope.failed_branch = branch.index
        cancel_branches(m, scope)
    slots.refill(m, scope)
    slots.rest(m, scope)
    try_close(m, scope)


def _forget(m: Machine, frame: Frame) -> None:
    del m.state.frames[frame.path]
    slots.forget(m, frame)
    for channel in frame.values:
        m.owned.discard((frame.path, channel))


def cancel_branches(m: Machine, scope: Scope) -> None:
    """Cancel every branch of a scope that has not ended; those with a call that must finish end later."""
    scope.closing = True
    for branch in scope.branches:
        if branch.status == "pending":
            branch.status = "cancelled"
            scope.unfinished -= 1
    for branch in scope.branches:
        if branch.status == "running":
            cancel_frame(m, m.state.frames[f"{scope.id}[{branch.index}]"])


def cancel_frame(m: Machine, frame: Frame) -> None:
    """Take a frame's token away; what it leaves in flight ends the frame when it ends."""
    slots.forget(m, frame)
    activation = None if frame.token is None else m.state.activations.get(frame.token)
    if activation is None:
        _end_cancelled(m, frame)
        return
    activation.status = "cancelled"
    scope = m.state.scopes.get(activation.id)
    if scope is not None:
        cancel_branches(m, scope)
        try_close(m, scope)
    elif drop_token(m, activation):
        end_cancelled(m, activation)


def end_doomed(m: Machine, activation: Activation) -> None:
    """What was left in flight of a cancelled activation has ended; an agent's ends with its last call."""
    owner = m.owner_of(activation)
    if activation is not owner:
        m.forget(activation)
        if m.calls_of(owner.id):
            return
        agent = m.state.agents[owner.id]
        if agent.failing is not None and owner.status != "cancelled":
            del m.state.agents[owner.id]
            m.todo.append(Fail(owner.id, agent.failing))
            return
    end_cancelled(m, owner)


def end_cancelled(m: Machine, activation: Activation) -> None:
    """Nothing of a cancelled activation is in flight any more."""
    m.state.agents.pop(activation.id, None)
    frame = m.frame_of(activation)
    m.retire(activation, "cancelled")
    frame.token = None
    _end_cancelled(m, frame)


def _end_cancelled(m: Machine, frame: Frame) -> None:
    if frame.scope is not None:
        finish_branch(m, frame, "cancelled")


def try_close(m: Machine, scope: Scope) -> None:
    """Close a scope whose branches have all ended: merge, bind `results`, and move the token on."""
    if scope.unfinished or scope.id not in m.state.scopes:
        return
    del m.state.scopes[scope.id]
    activation = m.state.activations[scope.id]
    frame = m.state.frames[scope.frame]
    if activation.status == "cancelled":
        end_cancelled(m, activation)
        return
    fault = branch_fault(m, frame, scope)
    if fault is not None:
        m.todo.append(Fail(activation.id, scope_failed(scope, activation, *fault)))
        return
    frame.joined[scope.join] = results_of(scope)
    frame.bound, frame.result, frame.error = False, None, None
    m.retire(activation, "ok", f"{len(scope.branches)} branches")
    frame.token = None
    m.todo.append(Enter(frame.path, scope.join))
