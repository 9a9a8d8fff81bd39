"""Answers to pauses: which pause is meant, whether the answer fits it, and how it is sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic import ValidationError
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from cli.cluster import QUERY_TIMEOUT, WORKER_WAIT_S, Cluster
from cli.exits import CommandError, Exit, invalid, unknown, usage
from cli.payload import check_size
from cli.render.text import line
from cli.runs import pauses_of, unanswered, view_of
from policies.canonical import canonical, digest
from workflows.contracts.names import SIGNAL_ANSWER, UPDATE_ANSWER
from workflows.contracts.pause import Answer, AnswerReceipt, PauseView
from workflows.language.schema import validate_value

if TYPE_CHECKING:
    from collections.abc import Sequence

POLICY_TRIGGERS = frozenset({"on_risky_tool", "on_protected_path"})


def choose(pauses: Sequence[PauseView], pause: str | None, run: str) -> PauseView:
    """The pause that is meant: the one named, or the only one open. Exit 8 if there is none, 2 if it must be named."""
    if not pauses:
        raise unknown(f"run `{line(run, 200)}` has no open pause")
    if pause is None:
        if len(pauses) > 1:
            raise usage(f"run `{line(run, 200)}` has {len(pauses)} open pauses; name one of {_ids(pauses)}")
        return pauses[0]
    for candidate in pauses:
        if candidate.id == pause:
            return candidate
    message = f"run `{line(run, 200)}` has no open pause `{line(pause, 200)}`: unknown, or already answered"
    raise unknown(f"{message}; open: {_ids(pauses)}")


def check_policy_pause(pause: PauseView, verb: str) -> None:
    """Refuse `approve` and `deny` where it is not policy that asks (exit 2)."""
    if pause.trigger not in POLICY_TRIGGERS:
        outcomes = ", ".join(f"`{line(outcome)}`" for outcome in pause.outcomes)
        message = f"`detent {verb}` answers what policy asks; pause `{line(pause.id)}` is `{line(pause.trigger)}`"
        raise usage(f"{message}: use `detent answer` with one of {outcomes}")


def make_answer(pause: PauseView, outcome: str, data: object, by: str) -> Answer:
    """The answer, checked against the pause: a wrong outcome or a payload that does not fit its form is exit 7."""
    if outcome not in pause.outcomes:
        outcomes = ", ".join(f"`{line(known)}`" for known in pause.outcomes)
        raise invalid(
            f"pause `{line(pause.id)}` has no outcome `{line(outcome, 64)}`; it has {outcomes}", kind="InvalidAnswer"
        )
    if pause.form is not None:
        _check_form(pause, data)
    try:
        answer = Answer(pause=pause.id, digest=pause.digest or None, outcome=outcome, data=data, by=by)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise invalid(f"the answer's `{field}`: {first['msg'].lower()}", kind="InvalidAnswer") from error
    check_size(len(wire_bytes(answer)), "the answer")
    return answer


def wire_bytes(answer: Answer) -> bytes:
    """The canonical JSON of an answer, without what is not set: what is sent, digested and one day signed."""
    return canonical(answer.model_dump(mode="json", exclude_none=True))


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
        if error.status is RPCStatusCode.NOT_FOUND:
            raise unknown(f"run `{line(run, 200)}` is closed or unknown: {error.message}") from error
        raise


def refused(cause: BaseException | None, name: str) -> CommandError:
    """The error that says why the run did not take it; the run is unchanged."""
    message = cause.message if isinstance(cause, ApplicationError) else str(cause)
    kind = (cause.type if isinstance(cause, ApplicationError) else None) or "Refused"
    return CommandError(kind, f"the run refused `{name}`: {message}; it is unchanged", Exit.UNKNOWN)


async def _signal(cluster: Cluster, run: str, answer: Answer) -> AnswerReceipt:
    """Signal, then look: a signal has no answer of its own."""
    before = {refusal for refusal in (await view_of(cluster, run)).refusals if refusal.pause == answer.pause}
    handle = cluster.client.get_workflow_handle(run)
    await handle.signal(SIGNAL_ANSWER, answer.model_dump(mode="json", exclude_none=True))
    after = (await view_of(cluster, run)).refusals
    reasons = [refusal.reason for refusal in after if refusal.pause == answer.pause and refusal not in before]
    if reasons:
        raise CommandError("AnswerRefused", f"the run refused the answer: {line(reasons[-1])}", Exit.UNKNOWN)
    return AnswerReceipt(pause=answer.pause, outcome=answer.outcome, by=answer.by, node="")


async def open_pauses(cluster: Cluster, run: str) -> tuple[PauseView, ...]:
    """The open pauses of an open run."""
    return await pauses_of(cluster, run)


def _check_form(pause: PauseView, data: object) -> None:
    problems = validate_value(pause.form or {}, data)
    if problems:
        message = f"the data does not fit the form of pause `{line(pause.id)}`: {'; '.join(map(line, problems))}"
        raise invalid(f"{message}; give it with `--data`", kind="InvalidAnswer")


def _ids(pauses: Sequence[PauseView]) -> str:
    return ", ".join(f"`{line(pause.id)}`" for pause in pauses)
