"""The histories of a run's executions, fetched whole from the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.service import RPCError, RPCStatusCode

from cli.exits import invalid
from cli.export import inline
from cli.runs import find

if TYPE_CHECKING:
    from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes
    from temporalio.client import WorkflowHistory

    from cli.cluster import Cluster


async def fetch(cluster: Cluster, run: str, *, last_only: bool = False) -> list[WorkflowHistory]:
    """The histories of the run's executions, the oldest that the server still has first; exit 8 if there is no run."""
    run_id: str | None = (await find(cluster, run)).run_id
    found: list[WorkflowHistory] = []
    while run_id:
        one = await _fetch(cluster, run, run_id, needed=not found)
        if one is None:
            break
        found.insert(0, one)
        run_id = None if last_only else continued_from(one)
    return found


async def _fetch(cluster: Cluster, run: str, run_id: str, *, needed: bool) -> WorkflowHistory | None:
    try:
        found = await cluster.client.get_workflow_handle(run, run_id=run_id).fetch_history()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND and not needed:
            return None
        raise
    await inline(found, cluster.client.data_converter)
    return found


def continued_from(found: WorkflowHistory) -> str | None:
    """The id of the execution that this one continues."""
    return _started(found).continued_execution_run_id or None


def _started(found: WorkflowHistory) -> WorkflowExecutionStartedEventAttributes:
    return found.events[0].workflow_execution_started_event_attributes


def in_order(histories: list[WorkflowHistory]) -> list[WorkflowHistory]:
    """Histories of one run as they followed each other; exit 7 where one is of another run, or one is missing."""
    by_id = {_started(one).original_execution_run_id: one for one in histories}
    continued = {continued_from(one) for one in histories}
    last = [one for run_id, one in by_id.items() if run_id not in continued]
    found = last[:1]
    while found and (before := by_id.get(continued_from(found[0]) or "")) is not None and before not in found:
        found.insert(0, before)
    if len(found) != len(histories):
        message = "the files are not the executions of one run, each once: `detent history RUN -o FILE` writes them"
        raise invalid(message, kind="InvalidHistory")
    return found
