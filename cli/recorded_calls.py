"""Recorded calls, each explained as it was decided."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.exits import CommandError, Exit, unknown
from cli.recording import quiet, watch
from cli.render.text import line
from cli.replaying import read_history
from policies.explain import StageRow, explain

if TYPE_CHECKING:
    from temporalio.client import WorkflowHistory

    from cli.recording import Decided, Tape


def recorded(file: str, namespace: str, *, debug: bool) -> tuple[WorkflowHistory, Tape]:
    """A history and what it gives when it is replayed; exit 5 where this code does not agree with it."""
    history = read_history(file)
    with quiet(unless=debug):
        tape = asyncio.run(watch(history, namespace))
    if tape.failure is not None:
        message = f"`{file}`: this code does not agree with the history: {line(tape.failure.message, 300)}"
        raise CommandError("ReplayMismatch", message, Exit.FAILED)
    return history, tape


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which recorded decisions: of a tool or model, at an event, of a call or an activation. Null is any."""

    name: str | None = None
    event: int | None = None
    call: str | None = None


def explained(file: str, namespace: str, wanted: Wanted, *, debug: bool) -> list[tuple[Decided, tuple[StageRow, ...]]]:
    """The recorded decisions that were asked for, with a row per stage; exit 8 if there is none."""
    history, tape = recorded(file, namespace, debug=debug)
    found = [
        seen
        for seen in tape.decisions
        if wanted.name in (None, seen.request.name)
        and wanted.call in (None, seen.call, seen.call.rpartition(":")[0])
        and wanted.event in (None, seen.event, _scheduled_at(history, seen))
    ]
    if not found:
        calls = ", ".join(dict.fromkeys(f"`{seen.call}`" for seen in tape.decisions))
        raise unknown(f"`{file}` has no such decision; its calls are {line(calls, 500) or 'none'}")
    return [(seen, explain(seen.policy, seen.request, seen.facts)) for seen in found]


def _scheduled_at(history: WorkflowHistory, seen: Decided) -> int | None:
    """The event that the call itself is, the first after the decision; null where it was not made then."""
    for event in history.events[seen.event :]:
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_id.rpartition("@")[0] == seen.call:
            return int(event.event_id)
    return None
