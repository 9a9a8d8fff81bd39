"""How a run's end looks to Temporal: completed, failed with the view in its details, or cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.contracts.names import MEMO_RESULT
from workflows.contracts.run import RunView
from workflows.engine.clock import rfc3339
from workflows.shell.perform import now_ms

if TYPE_CHECKING:
    from workflows.contracts.run import Phase


def close(view: RunView) -> dict[str, object]:
    """Return the view of a completed run; raise what makes any other end visible in the Temporal UI.

    Only what Temporal was asked to cancel may end as cancelled; the update `cancel` ends a run as failed, `Cancelled`.
    """
    kept = compact(view)
    if view.phase == "completed":
        return kept
    if view.phase == "cancelled" and workflow.cancellation_reason() is not None:
        workflow.upsert_memo({MEMO_RESULT: kept})
        raise asyncio.CancelledError
    error = view.error or ErrorInfo(type=FailureType.INTERNAL, message="the run failed")
    where = "" if error.node is None else f"node `{error.node}`: "
    raise ApplicationError(f"{where}{error.message}", kept, type=error.type, non_retryable=True) from None


def compact(view: RunView) -> dict[str, object]:
    """The view as history keeps it: rows of nodes leave out what has its default, because there is one a step."""
    nodes = [node.model_dump(mode="json", exclude_defaults=True, exclude={"node"}) for node in view.nodes]
    return {**view.model_dump(mode="json", exclude={"nodes"}), "nodes": nodes}


def refuse(error: ErrorInfo, *, phase: Phase = "failed") -> NoReturn:
    """End a run that was never admitted."""
    info = workflow.info()
    tenant, _, rest = info.workflow_id.partition("/")
    at = rfc3339(now_ms())
    view = RunView(
        id=info.workflow_id,
        run_id=info.run_id,
        graph=rest.rpartition("/")[0] or info.workflow_id,
        version="",
        tenant=tenant,
        phase=phase,
        error=error,
        started_at=at,
        ended_at=at,
    )
    close(view)
    raise AssertionError("a run that is refused is not completed")


def admission_error(error: FailureError) -> ErrorInfo:
    """Why `run.admit` refused, with its list of problems."""
    if isinstance(error, ApplicationError):
        problems = error.details[0] if error.details else None
        details = {"problems": problems} if isinstance(problems, list) else None
        return ErrorInfo(type=error.type or FailureType.INTERNAL, message=error.message, details=details)
    return ErrorInfo(type=FailureType.INTERNAL, message=f"run.admit failed: {error}")
