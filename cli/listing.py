"""Many runs at once, from the server's index."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from cli.closed import PHASES, names_of
from cli.exits import CommandError
from cli.rows import PauseRow, RunRow, indexed
from cli.runs import pauses_of
from workflows.contracts.names import SA_COST_USD, SA_GRAPH, SA_PENDING, SA_PHASE, SA_TOKENS, WORKFLOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from temporalio.client import WorkflowExecution

    from cli.cluster import Cluster
    from workflows.contracts.run import Phase

QUERIES_AT_ONCE = 16
STATUSES = {
    "running": ("Running",),
    "waiting": ("Running",),
    "paused": ("Running",),
    "completed": ("Completed",),
    "failed": ("Failed",),
    "cancelled": ("Canceled",),
    "aborted": ("Failed", "Terminated", "TimedOut"),
}


async def list_runs(
    cluster: Cluster, phase: str | None, graph: str | None, since: str | None = None
) -> AsyncIterator[RunRow]:
    """Runs, newest first, of one phase and graph and begun since a time (RFC 3339) where these are given."""
    began = "" if since is None else f" AND StartTime >= '{since}'"
    async for found in cluster.client.list_workflows(_query(phase, graph) + began):
        row = _row(found)
        if phase in (None, row.phase):
            yield row


async def list_pauses(cluster: Cluster) -> tuple[list[PauseRow], list[str]]:
    """The open pauses of all open runs, oldest first, and the runs that could not be asked.

    Every open run is asked: the index lags behind, and a pause that it does not show is one that nobody answers.
    """
    slots = asyncio.Semaphore(QUERIES_AT_ONCE)
    silent: list[str] = []

    async def ask(run: str) -> list[PauseRow]:
        async with slots:
            try:
                pauses = await pauses_of(cluster, run)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                return []
            except CommandError:
                silent.append(run)
                return []
        return [PauseRow(run=run, **pause.model_dump()) for pause in pauses]

    runs = [found.id async for found in cluster.client.list_workflows(_query("running", None))]
    rows = [row for rows in await asyncio.gather(*map(ask, runs)) for row in rows]
    return sorted(rows, key=lambda row: (row.opened_at, row.run, row.id)), sorted(silent)


def _query(phase: str | None, graph: str | None) -> str:
    parts = [f"WorkflowType = '{WORKFLOW}'", "ExecutionStatus != 'ContinuedAsNew'"]
    if phase is not None:
        parts.append(f"ExecutionStatus IN ({', '.join(repr(status) for status in STATUSES[phase])})")
    if graph is not None:
        parts.append(f"{SA_GRAPH} = {_quoted(graph)}")
    return " AND ".join(parts)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _row(found: WorkflowExecution) -> RunRow:
    known = indexed(found)
    tenant, graph = names_of(found)
    return RunRow(
        id=found.id,
        run_id=found.run_id,
        graph=graph,
        tenant=tenant,
        phase=_phase(found, known.get(SA_PHASE)),
        pending=_number(known.get(SA_PENDING)) if found.close_time is None else 0,
        tokens=_number(known.get(SA_TOKENS)),
        cost_usd=float(str(known.get(SA_COST_USD, 0.0))),
        started_at=found.start_time.isoformat(),
        ended_at=found.close_time.isoformat() if found.close_time else None,
    )


def _phase(found: WorkflowExecution, indexed_phase: object) -> Phase:
    """The index is believed only where the run's status does not say otherwise: a terminated run could not write it."""
    status = found.status or WorkflowExecutionStatus.RUNNING
    if status is WorkflowExecutionStatus.FAILED and indexed_phase == "aborted":
        return "aborted"
    if status in PHASES:
        return PHASES[status]
    if indexed_phase == "waiting":
        return "waiting"
    return "paused" if indexed_phase == "paused" else "running"


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
