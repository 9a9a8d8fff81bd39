"""What a closed scope leaves behind: merged state and the `results` of its join, both in branch order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.engine import bindings

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, Frame, Scope


def branch_fault(m: Machine, frame: Frame, scope: Scope) -> tuple[int, ErrorInfo | None] | None:
    """Merge a scope whose branches have ended; where it failed instead, the branch that it failed by, and why."""
    if scope.failed_branch is not None:
        return scope.failed_branch, scope.branches[scope.failed_branch].error
    return _merge(m, frame, scope)


def _merge(m: Machine, frame: Frame, scope: Scope) -> tuple[int, ErrorInfo] | None:
    """Replay the logs of the branches that ended well onto the parent, all or none.

    A write that does not fit fails the scope and cannot be tried again: its branches have run.
    """
    for channel in frame.values:  # what is kept for the way back must not grow in place
        m.owned.discard((frame.path, channel))
    values, logged = dict(frame.values), len(frame.writes)
    for branch in scope.branches:
        for channel, value in branch.writes:
            fault = bindings.write(m, frame, [(channel, value)])
            if fault is not None:
                frame.values = values
                del frame.writes[logged:]
                return branch.index, ErrorInfo(type=FailureType.INVALID_VALUE, message=f"merging: {fault}")
    return None


def results_of(scope: Scope) -> dict[str, object]:
    """`results`, `values` and `failed`, as the join node's fields may read them."""
    results: list[object] = [
        {
            "branch": f"{scope.id}[{branch.index}]",
            "index": branch.index,
            "status": branch.status,
            "value": branch.value,
            "error": None if branch.error is None else branch.error.model_dump(include={"type", "message", "node"}),
        }
        for branch in scope.branches
    ]
    values = [branch.value for branch in scope.branches if branch.status == "ok" and not branch.optional]
    failed = sum(branch.status == "failed" for branch in scope.branches)
    return {"results": results, "values": values, "failed": failed}


def scope_failed(scope: Scope, activation: Activation, index: int, cause: ErrorInfo | None) -> ErrorInfo:
    """The error of a plan whose scope lost a branch that it needs, or could not merge it."""
    element = f"{scope.id}[{index}]"
    message = f"branch `{element}` failed"
    return ErrorInfo(
        type=FailureType.SCOPE_FAILED,
        message=message if cause is None else f"{message}: {cause.type}: {cause.message}",
        node=activation.node,
        details={"branch": element, "error": None if cause is None else cause.model_dump(exclude_none=True)},
    )
