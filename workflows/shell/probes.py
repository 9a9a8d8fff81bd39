"""What a run asks a worker about something that it lacks, and what it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError
from temporalio.exceptions import ActivityError, ApplicationError

from workflows.contracts.probe import Found
from workflows.engine.events import Probed

if TYPE_CHECKING:
    import asyncio

    from workflows.engine.commands import Probe


def asking(command: Probe, workflow_id: str) -> dict[str, object]:
    """The argument of `run.probe`."""
    return {"v": 1, "kind": command.kind, "name": command.name, "tenant": workflow_id.partition("/")[0]}


def told(command: Probe, done: asyncio.Task[object], at_ms: int) -> Probed:
    """What the worker said; whatever else came of it leaves the gap open, with the reason."""
    if done.cancelled():
        return Probed(at_ms, command.gap, failed="the worker's look was cancelled")
    error = done.exception()
    if error is not None:
        return Probed(at_ms, command.gap, failed=f"no worker could look for it: {_words(error)}")
    try:
        found = Found.model_validate(done.result())
    except ValidationError:
        return Probed(at_ms, command.gap, failed="what the worker says does not parse")
    return Probed(at_ms, command.gap, card=found.card, failed=found.failed)


def _words(error: BaseException) -> str:
    cause = error.cause if isinstance(error, ActivityError) else error
    return cause.message if isinstance(cause, ApplicationError) else str(cause or error)
