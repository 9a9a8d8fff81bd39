"""Closed runs, read from what the server keeps; no worker is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError, FailureError

from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.contracts.names import MEMO_RESULT, SA_GRAPH
from workflows.contracts.run import Phase, RunView

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowExecution, WorkflowExecutionDescription

PHASES: dict[WorkflowExecutionStatus, Phase] = {
    WorkflowExecutionStatus.COMPLETED: "completed",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.CANCELED: "cancelled",
    WorkflowExecutionStatus.TERMINATED: "aborted",
    WorkflowExecutionStatus.TIMED_OUT: "aborted",
}


async def closed_view(client: Client, found: WorkflowExecutionDescription) -> RunView:
    """The last view of a closed run: its result, the details of its failure, or its memo.

    A run that was ended from outside has left none, so it gets a view of what the server knows.
    """
    recorded = await _recorded(client, found)
    if recorded is not None:
        return recorded
    phase = PHASES.get(found.status or WorkflowExecutionStatus.TERMINATED, "aborted")
    return from_server(found, phase, await _error(client, found))


def from_server(found: WorkflowExecution, phase: Phase, error: ErrorInfo | None = None) -> RunView:
    """What can be said of a run without its worker or a result."""
    tenant, graph = names_of(found)
    return RunView(
        id=found.id,
        run_id=found.run_id,
        graph=graph,
        version="",
        tenant=tenant,
        phase=phase,
        error=error,
        started_at=found.start_time.isoformat(),
        ended_at=found.close_time.isoformat() if found.close_time else None,
    )


def names_of(found: WorkflowExecution) -> tuple[str, str]:
    """Tenant and graph of a run, from its id `tenant/graph/key` and its search attribute."""
    parts = found.id.split("/", 2)
    tenant, graph = (parts[0], parts[1]) if len(parts) == 3 else ("", "")  # noqa: PLR2004 - the three parts
    for pair in found.typed_search_attributes:
        if pair.key.name == SA_GRAPH:
            graph = str(pair.value)
    return tenant, graph


async def _recorded(client: Client, found: WorkflowExecutionDescription) -> RunView | None:
    if found.status is WorkflowExecutionStatus.CANCELED:
        return _as_view((await found.memo()).get(MEMO_RESULT))
    if found.status is WorkflowExecutionStatus.COMPLETED:
        return _as_view(await _result(client, found))
    if found.status is WorkflowExecutionStatus.FAILED:
        failure = await _failure(client, found)
        details = failure.details if isinstance(failure, ApplicationError) else ()
        return next((view for view in map(_as_view, details) if view is not None), None)
    return None


async def _result(client: Client, found: WorkflowExecution) -> object:
    return await client.get_workflow_handle(found.id, run_id=found.run_id).result(follow_runs=False)


async def _failure(client: Client, found: WorkflowExecution) -> BaseException | None:
    try:
        await _result(client, found)
    except WorkflowFailureError as error:
        return error.cause
    return None


async def _error(client: Client, found: WorkflowExecutionDescription) -> ErrorInfo | None:
    """The error of a run that left no view."""
    if found.status is WorkflowExecutionStatus.COMPLETED:
        return None
    failure = await _failure(client, found)
    message = failure.message if isinstance(failure, FailureError) else str(failure)
    kind: str = FailureType.TERMINATED
    if found.status is WorkflowExecutionStatus.CANCELED:
        kind = FailureType.CANCELLED
    elif found.status is WorkflowExecutionStatus.FAILED:
        kind = (failure.type if isinstance(failure, ApplicationError) else None) or FailureType.INTERNAL
    return ErrorInfo(type=str(kind), message=message)


def _as_view(value: object) -> RunView | None:
    try:
        return RunView.model_validate(value)
    except ValidationError:
        return None
