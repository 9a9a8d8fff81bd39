"""Runs as the server knows them: found by id, viewed while open, read from their history once closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from temporalio.client import WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from cli.closed import closed_view
from cli.cluster import QUERY_TIMEOUT, Cluster, has_worker, no_worker
from cli.exits import CommandError, Exit, unknown
from cli.render.text import line
from workflows.contracts.names import QUERY_PAUSES, QUERY_VIEW, WORKFLOW
from workflows.contracts.pause import PauseView
from workflows.contracts.run import RunView

if TYPE_CHECKING:
    from datetime import timedelta

    from temporalio.client import WorkflowExecutionDescription, WorkflowHandle

MAX_ID_CHARS = 1000
UNANSWERED = "Unanswered"
ADMISSION_S = 10.0
ADMISSION_PAUSE_S = 0.1
NO_POLLER = "no poller"
"""How the server's refusal of a query begins where it has seen no worker for some time."""
TIMEOUTS = (RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED)


async def find(cluster: Cluster, run: str) -> WorkflowExecutionDescription:
    """The latest execution with this id; exit 8 if there is none or it is not ours."""
    if not run or len(run) > MAX_ID_CHARS:
        raise unknown("a run's id has 1 to 1,000 characters; `detent ls` lists them")
    try:
        found = await cluster.client.get_workflow_handle(run).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            message = f"no run `{line(run, 200)}` in namespace `{cluster.client.namespace}`; `detent ls` lists them"
            raise unknown(message) from error
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise unknown(f"`{line(run, 200)}` cannot be a run's id: {error.message}") from error
        raise
    if found.workflow_type != WORKFLOW:
        raise unknown(f"`{line(run, 200)}` is a workflow of type `{line(found.workflow_type)}`, not a run of Detent")
    return found


async def find_open(cluster: Cluster, run: str) -> WorkflowHandle[object, object]:
    """A handle of an open run; exit 8 if it is closed or unknown."""
    found = await find(cluster, run)
    if not is_open(found):
        view = await closed_view(cluster.client, found)
        raise unknown(f"run `{line(run, 200)}` is closed ({view.phase}); nothing can be sent to it")
    return cluster.client.get_workflow_handle(run)


def is_open(found: WorkflowExecutionDescription) -> bool:
    """Whether the run goes on."""
    return found.status in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW)


async def view_of(cluster: Cluster, run: str, patience: timedelta = QUERY_TIMEOUT) -> RunView:
    """The run as it is now. Only an open run needs a worker, which is waited for so long."""
    found = await find(cluster, run)
    if is_open(found):
        return await open_view(cluster, run, patience)
    return await closed_view(cluster.client, found)


async def open_view(cluster: Cluster, run: str, patience: timedelta = QUERY_TIMEOUT) -> RunView:
    """The view that an open run's worker gives; exit 6 if none answers."""
    return RunView.model_validate(await _query(cluster, run, QUERY_VIEW, patience))


async def pauses_of(cluster: Cluster, run: str) -> tuple[PauseView, ...]:
    """The open pauses of an open run."""
    answer = await _query(cluster, run, QUERY_PAUSES)
    return tuple(PauseView.model_validate(pause) for pause in answer) if isinstance(answer, list) else ()


async def _query(cluster: Cluster, run: str, name: str, patience: timedelta = QUERY_TIMEOUT) -> object:
    """Ask; a run that is not admitted yet, or whose task has just failed, refuses and is asked again for a while."""
    handle = cluster.client.get_workflow_handle(run)
    deadline = asyncio.get_running_loop().time() + ADMISSION_S
    while True:
        try:
            return await handle.query(name, rpc_timeout=patience)
        except (RPCError, WorkflowQueryFailedError) as error:
            if isinstance(error, RPCError) and error.status in TIMEOUTS:
                raise await unanswered(cluster, run) from error
            if isinstance(error, RPCError) and error.status is not RPCStatusCode.FAILED_PRECONDITION:
                raise
            if asyncio.get_running_loop().time() > deadline:
                raise _refused(cluster, run, error) from error
            await asyncio.sleep(ADMISSION_PAUSE_S)


def _refused(cluster: Cluster, run: str, error: Exception) -> CommandError:
    """Why a run refuses to be asked: nobody works, which the server says by itself, or its workflow task fails."""
    if str(error).startswith(NO_POLLER):
        return no_worker(cluster)
    message = f"run `{line(run, 200)}` does not get on: {line(error)}; the worker's log says why"
    return CommandError("QueryFailed", message, Exit.UNEXPECTED)


async def unanswered(cluster: Cluster, run: str) -> CommandError:
    """Why a run did not answer in time: nobody works, or its worker is stuck."""
    if not await has_worker(cluster):
        return no_worker(cluster)
    message = f"run `{line(run, 200)}` did not answer within 10 s; its worker is busy or its workflow task fails"
    return CommandError(UNANSWERED, f"{message}: see the worker's log and the Temporal UI", Exit.UNREACHABLE)
