"""Answers and controls on their way to a run, and what the run makes of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from cli.cluster import QUERY_TIMEOUT, WORKER_WAIT_S, Cluster
from cli.exits import CommandError, Exit, unknown
from cli.render.text import line
from cli.runs import unanswered, view_of
from policies.canonical import digest
from workflows.contracts.names import SIGNAL_ANSWER, UPDATE_ANSWER
from workflows.contracts.pause import AnswerReceipt

if TYPE_CHECKING:
    from workflows.contracts.pause import Answer


async def send(cluster: Cluster, run: str, answer: Answer, by: str) -> AnswerReceipt:
    """Send an answer by `update` or `signal` and return what the run made of it; exit 8 if it was refused."""
    if by == "signal":
        return await _signal(cluster, run, answer)
    payload = answer.model_dump(mode="json", exclude_none=True)
    receipt = await update(cluster, run, UPDATE_ANSWER, payload, f"answer:{answer.pause}:{digest(payload)[:16]}")
    return AnswerReceipt.model_validate(receipt)


async def update(cluster: Cluster, run: str, name: str, payload: object, update_id: str) -> object:
    """Send an update with its id, so that sending it again changes nothing, and return the run's answer."""
    handle = cluster.client.get_workflow_handle(run)
    try:
        sending = handle.execute_update(name, payload, id=update_id, rpc_timeout=QUERY_TIMEOUT)
        return await asyncio.wait_for(sending, WORKER_WAIT_S)
    except WorkflowUpdateFailedError as error:
        raise refused(error.cause, name) from error
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise await unanswered(cluster, run) from error
    except RPCError as error:
        raise _closed(run, error) from error


def _closed(run: str, error: RPCError) -> Exception:
    """The run ended between our look at it and this: somebody else was faster."""
    if error.status is not RPCStatusCode.NOT_FOUND:
        return error
    return unknown(f"run `{line(run, 200)}` is closed or unknown: {error.message}")


def refused(cause: BaseException | None, name: str) -> CommandError:
    """The error that says why the run did not take it; the run is unchanged."""
    message = cause.message if isinstance(cause, ApplicationError) else str(cause)
    kind = (cause.type if isinstance(cause, ApplicationError) else None) or "Refused"
    return CommandError(
        kind, f"the run refused `{name}`: {message.removeprefix(f'`{name}`: ')}; it is unchanged", Exit.UNKNOWN
    )


async def _signal(cluster: Cluster, run: str, answer: Answer) -> AnswerReceipt:
    """Signal, then look: a signal has no answer of its own."""
    before = {refusal for refusal in (await view_of(cluster, run)).refusals if refusal.pause == answer.pause}
    handle = cluster.client.get_workflow_handle(run)
    try:
        await handle.signal(SIGNAL_ANSWER, answer.model_dump(mode="json", exclude_none=True))
    except RPCError as error:
        raise _closed(run, error) from error
    after = (await view_of(cluster, run)).refusals
    reasons = [refusal.reason for refusal in after if refusal.pause == answer.pause and refusal not in before]
    if reasons:
        raise CommandError("AnswerRefused", f"the run refused the answer: {line(reasons[-1])}", Exit.UNKNOWN)
    return AnswerReceipt(pause=answer.pause, outcome=answer.outcome, by=answer.by, node="")
