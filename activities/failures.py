"""The errors of activities, as histories record them: a constant type, plain words, whether to try again."""

from __future__ import annotations

from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from workflows.contracts.failures import FailureType

RESULT_LIMIT_BYTES = 1024 * 1024
"""The largest result of a call, as canonical JSON."""


def failure(
    kind: FailureType,
    message: str,
    *,
    details: dict[str, object] | None = None,
    retryable: bool = False,
    retry_after_s: float | None = None,
) -> ApplicationError:
    """An error of one type; `details` is its one detail. `retry_after_s` sets Temporal's next delay.

    All of them are expected: the run sees them, so the worker's log is spared a traceback for each.
    """
    return ApplicationError(
        message,
        *([details] if details else []),
        type=kind.value,
        non_retryable=not retryable,
        next_retry_delay=None if retry_after_s is None else timedelta(seconds=retry_after_s),
        category=ApplicationErrorCategory.BENIGN,
    )


def tool_failed(message: str, *, details: dict[str, object] | None = None, retryable: bool = False) -> ApplicationError:
    """A tool could not do what it was asked."""
    return failure(FailureType.TOOL_FAILED, message, details=details, retryable=retryable)


def policy_denied(rule: str, message: str, *, details: dict[str, object] | None = None) -> ApplicationError:
    """The operator's policy, or a control path, forbids the call; never tried again. `rule` says what spoke."""
    return failure(FailureType.POLICY_DENIED, message, details={"rule": rule, "by": "policy", **(details or {})})


def policy_drift(rule: str, message: str, *, run: str, worker: str) -> ApplicationError:
    """The same where the worker's policy is not the one that the run was admitted under; both digests, shortened."""
    details: dict[str, object] = {"rule": rule, "by": "policy", "drift": {"run": run, "worker": worker}}
    return failure(FailureType.POLICY_DRIFT, message, details=details)


def result_too_large(what: str, size_bytes: int, remedy: str) -> ApplicationError:
    """A result is over `RESULT_LIMIT_BYTES`; the same call would give the same result, so it is not tried again."""
    message = f"{what}: {size_bytes} bytes, over the limit of {RESULT_LIMIT_BYTES} for one result; {remedy}"
    return failure(FailureType.RESULT_TOO_LARGE, message, details={"size_bytes": size_bytes})


def uncertain(message: str) -> ApplicationError:
    """Nobody can tell whether the effect of a call happened; a person decides."""
    return failure(FailureType.UNCERTAIN, message)


def with_attempt(error: ApplicationError, attempt: int) -> ApplicationError:
    """The same error with the attempt's number in its detail: Temporal tells the workflow in no other way."""
    first, *more = error.details or ({},)
    told = {**first, "attempt": attempt} if isinstance(first, dict) else first
    return ApplicationError(
        error.message,
        told,
        *more,
        type=error.type,
        non_retryable=error.non_retryable,
        next_retry_delay=error.next_retry_delay,
        category=error.category,
    )
