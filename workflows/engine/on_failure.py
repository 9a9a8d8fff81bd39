"""What becomes of a failed node: its own choice, the defaults', or what its surroundings make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.language.graph import OnFailure

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation

NEVER_PAUSES = (
    FailureType.POLICY_DENIED,
    FailureType.POLICY_DRIFT,
    FailureType.BUDGET_EXCEEDED,
    FailureType.DECLINED,
    FailureType.SCOPE_FAILED,
    FailureType.VISITS_EXCEEDED,
    FailureType.LIMIT_REACHED,
)


def choice_of(m: Machine, activation: Activation, error: ErrorInfo) -> OnFailure:
    """Whether a failed node pauses, fails its frame, or leads elsewhere."""
    choice = m.node_of(activation).on_failure
    action = choice.action
    if action == "default":
        action = "fail" if _failure_is_a_result(m, activation) else "pause"
    if action == "pause" and error.type in NEVER_PAUSES:
        action = "fail"
    return OnFailure(action, choice.to)


def _failure_is_a_result(m: Machine, activation: Activation) -> bool:
    """Whether the node is inside a settle scope or an optional branch, however deep."""
    frame = m.frame_of(activation)
    while (scope := m.scope_of(frame)) is not None:
        if scope.mode == "settle" or scope.branches[frame.index].optional:
            return True
        frame = m.state.frames[scope.frame]
    return False
