"""The histories of a run's executions, fetched whole from the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.service import RPCError, RPCStatusCode

from cli.export import inline
from cli.runs import find

if TYPE_CHECKING:
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
    return found.events[0].workflow_execution_started_event_attributes.continued_execution_run_id or None
