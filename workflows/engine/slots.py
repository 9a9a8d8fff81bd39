"""Who may run in a scope at once: at most `max_concurrency` branches, not counting those that only wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine.state import Frame
from workflows.engine.steps import Enter

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, BranchState, Scope
    from workflows.engine.steps import Step


def park_call(m: Machine, activation: Activation) -> None:
    """An activation waits: its frame's token does, too, unless other calls of the agent are under way."""
    if activation.agent is None or not any(_moves(m, one) for one in m.calls_of(activation.agent)):
        park(m, m.frame_of(activation))


def _moves(m: Machine, activation: Activation) -> bool:
    call = None if activation.call is None else m.state.calls[activation.call]
    moving = call is not None and call.status in ("queued", "in_flight")
    return moving or any(not isinstance(step, Enter) and step.activation == activation.id for step in m.todo)


def park(m: Machine, frame: Frame) -> None:
    """The frame's token waits for a person or a timer: it gives back its slot, and so does every scope that sleeps."""
    at = frame
    while at.scope is not None:
        scope = m.state.scopes[at.scope]
        release(scope, scope.branches[at.index])
        refill(m, scope)
        if scope.slots:
            return
        at = m.state.frames[scope.frame]


def rest(m: Machine, scope: Scope) -> None:
    """After a branch has ended: if all that is left of the scope waits, the branch around it waits, too."""
    if scope.unfinished and not scope.slots and not scope.closing:
        park(m, m.state.frames[scope.frame])


def wake(m: Machine, frame: Frame, step: Step) -> None:
    """Let a parked frame go on with `step`, now or as soon as every scope around it has a slot for it."""
    key = _key(m, frame, step)
    if take_all(m, frame):
        m.state.deferred.pop(key, None)
        m.todo.append(step)
    else:
        m.state.deferred[key] = step


def forget(m: Machine, frame: Frame) -> None:
    """A frame is gone; nothing of it waits for a slot."""
    if m.state.deferred:
        for key in [key for key in m.state.deferred if _path(key) == frame.path]:
            del m.state.deferred[key]


def deferred_of(m: Machine, call: Activation) -> Step | None:
    """The step that an agent's call goes on with once there is a slot for it."""
    return m.state.deferred.get(_key_of(call))


def forget_call(m: Machine, call: Activation) -> None:
    """An agent's call is gone; it does not go on any more."""
    m.state.deferred.pop(_key_of(call), None)


def _key(m: Machine, frame: Frame, step: Step) -> str:
    """One step of a frame waits; of an agent, one for each of its calls."""
    if isinstance(step, Enter) or m.state.activations[step.activation].agent is None:
        return frame.path
    return _key_of(m.state.activations[step.activation])


def _key_of(call: Activation) -> str:
    return f"{call.frame} {call.id}"


def _path(key: str) -> str:
    return key.partition(" ")[0]


def take_all(m: Machine, frame: Frame) -> bool:
    """Take the slots that the frame's branch and the branches around it lack; all or none."""
    lacking: list[tuple[Scope, BranchState]] = []
    at = frame
    while at.scope is not None:
        scope = m.state.scopes[at.scope]
        branch = scope.branches[at.index]
        if not branch.slot:
            if scope.slots >= scope.max_concurrency:
                return False
            lacking.append((scope, branch))
        at = m.state.frames[scope.frame]
    for scope, branch in lacking:
        branch.slot = True
        scope.slots += 1
    return True


def release(scope: Scope, branch: BranchState) -> None:
    """Give a branch's slot back, if it has one."""
    if branch.slot:
        branch.slot = False
        scope.slots -= 1


def refill(m: Machine, scope: Scope) -> None:
    """Use free slots: first for branches that were woken, then for those that have not started, in branch order."""
    if scope.closing:
        return
    if m.state.deferred:
        _wake_deferred(m, scope)
    while scope.slots < scope.max_concurrency and scope.next_start < len(scope.branches):
        branch = scope.branches[scope.next_start]
        scope.next_start += 1
        _start(m, scope, branch)


def _wake_deferred(m: Machine, scope: Scope) -> None:
    prefix = f"{scope.id}["
    inside = [key for key in m.state.deferred if key.startswith(prefix)]
    for key in sorted(inside, key=lambda key: m.state.frames[_path(key)].order):
        wake(m, m.state.frames[_path(key)], m.state.deferred[key])


def _start(m: Machine, scope: Scope, branch: BranchState) -> None:
    parent = m.state.frames[scope.frame]
    path = f"{scope.id}[{branch.index}]"
    m.state.frames[path] = Frame(
        path=path,
        order=(*parent.order, branch.index),
        parent=parent.path,
        scope=scope.id,
        index=branch.index,
        bindings=branch.bindings,
        bound=parent.bound,
        result=parent.result,
    )
    branch.status = "running"
    branch.slot = True
    scope.slots += 1
    m.todo.append(Enter(path, branch.to))
