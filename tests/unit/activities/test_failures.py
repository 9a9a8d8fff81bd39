"""The shape of failures, which histories and the workflow's retry policy depend on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.failures import failure, policy_denied, result_too_large, tool_failed, uncertain
from workflows.contracts.failures import FailureType


@pytest.mark.parametrize(
    ("error", "kind", "final", "details"),
    [
        (tool_failed("no"), "ToolFailed", True, ()),
        (tool_failed("later", retryable=True), "ToolFailed", False, ()),
        (tool_failed("no", details={"a": 1}), "ToolFailed", True, ({"a": 1},)),
        (policy_denied("a.b", "no"), "PolicyDenied", True, ({"rule": "a.b", "by": "policy"},)),
        (policy_denied("a", "no", details={"x": 1}), "PolicyDenied", True, ({"rule": "a", "by": "policy", "x": 1},)),
        (result_too_large("it", 5, "less"), "ResultTooLarge", True, ({"size_bytes": 5},)),
        (uncertain("who knows"), "Uncertain", True, ()),
        (failure(FailureType.INTERNAL, "x", retryable=True), "Internal", False, ()),
    ],
)
def test_failure_has_a_constant_type_and_says_whether_to_try_again(
    error: ApplicationError, kind: str, final: bool, details: tuple[object, ...]
) -> None:
    assert (error.type, error.non_retryable, tuple(error.details)) == (kind, final, details)


def test_failure_says_how_long_to_wait() -> None:
    error = failure(FailureType.MODEL_FAILED, "busy", retryable=True, retry_after_s=1.5)
    assert error.next_retry_delay == timedelta(seconds=1.5)
