"""The table of exit codes."""

from __future__ import annotations

import pytest

from cli.exits import Exit, code_of_view
from workflows.contracts.failures import ErrorInfo
from workflows.contracts.run import Phase, RunView


def _view(phase: Phase, error: ErrorInfo | None = None) -> RunView:
    return RunView(id="t/g/k", run_id="r", graph="g", version="1.0.0", tenant="t", phase=phase, error=error)


@pytest.mark.parametrize(
    ("phase", "kind", "code"),
    [
        ("completed", None, 0),
        ("running", None, 0),
        ("paused", None, 0),
        ("waiting", None, 4),
        ("failed", "ToolFailed", 5),
        ("failed", "PolicyDenied", 3),
        ("failed", "BudgetExceeded", 3),
        ("failed", "Declined", 3),
        ("failed", "TenantNotAllowed", 3),
        ("failed", "InvalidDocument", 7),
        ("failed", "ForgedInput", 7),
        ("failed", None, 5),
        ("cancelled", None, 5),
        ("aborted", "Declined", 3),
        ("aborted", "Terminated", 5),
    ],
)
def test_the_code_of_a_run_is_that_of_the_table(phase: Phase, kind: str | None, code: int) -> None:
    error = ErrorInfo(type=kind, message="m") if kind else None
    assert code_of_view(_view(phase, error)) == code


def test_a_scope_that_failed_because_a_branch_was_denied_counts_as_denied() -> None:
    inner = {"type": "PolicyDenied", "message": "no"}
    error = ErrorInfo(type="ScopeFailed", message="a branch failed", details={"branch": "b", "error": inner})
    assert code_of_view(_view("failed", error)) == Exit.REFUSED


def test_an_invalid_document_deep_in_the_causes_does_not_make_the_run_invalid() -> None:
    inner = {"type": "InvalidDocument", "message": "no"}
    error = ErrorInfo(type="ScopeFailed", message="a branch failed", details={"error": inner})
    assert code_of_view(_view("failed", error)) == Exit.FAILED


def test_causes_that_never_end_are_not_followed_for_ever() -> None:
    inner: dict[str, object] = {"type": "ScopeFailed", "message": "m"}
    for _ in range(100):
        inner = {"type": "ScopeFailed", "message": "m", "details": {"error": inner}}
    error = ErrorInfo(type="ScopeFailed", message="m", details={"error": inner})
    assert code_of_view(_view("failed", error)) == Exit.FAILED
