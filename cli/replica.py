"""A run as its history makes it, without asking its worker: the engine replayed here as the history grows."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from cli.changes import Change
from cli.followed import Followed
from cli.recording import watch
from workflows.engine.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from temporalio.api.history.v1 import HistoryEvent

    from workflows.contracts.run import RunView

LEAST_S = 0.1
SHARE = 4
"""A replay is followed by as many times its own duration of rest: a viewer takes a fifth of a core at most."""
DENIALS = frozenset({"deny", "reject", "abort"})


class Replica:
    """One history, replayed whole each time: a viewer that joins late sees what one that was there saw."""

    def __init__(self, run: str, namespace: str) -> None:
        self._run, self._namespace = run, namespace
        self._events: list[HistoryEvent] = []
        self._done = 0
        self._rest_until = 0.0
        self._denied = 0

    def begin(self) -> None:
        """Another history begins."""
        self._events, self._done, self._denied = [], 0, 0

    def add(self, event: HistoryEvent) -> None:
        """Take up an event."""
        self._events.append(event)

    async def look(self) -> tuple[RunView, tuple[Change, ...]] | None:
        """The run where its last workflow task left it, and what was denied since the last look.

        Null where there is nothing new to see, or the run was not admitted yet.
        """
        if _last_task(self._events) <= self._done:
            return None
        await asyncio.sleep(max(0.0, self._rest_until - time.monotonic()))
        events = list(self._events)  # maybe of another history by now: without a task the SDK would wait for one
        upto = _last_task(events)
        if upto <= self._done:
            return None
        began = time.monotonic()
        tape = Followed()
        await watch(WorkflowHistory(self._run, events), self._namespace, tape)
        same = bool(self._events) and events[0] is self._events[0]
        denials = tuple(self._denials(tape))
        self._done, self._denied = (upto, self._denied) if same else (0, 0)
        self._rest_until = time.monotonic() + max(LEAST_S, SHARE * (time.monotonic() - began))
        if tape.failure is not None or tape.view is None:
            return None
        return tape.view, denials

    def _denials(self, tape: Followed) -> Iterator[Change]:
        denied = [seen for seen in tape.records if seen.record.get("verdict") in DENIALS]
        for seen in denied[self._denied :]:
            call = str(seen.record["call"])
            yield Change(
                at=rfc3339(int(str(seen.beside["at_ms"]))),
                kind="denied",
                activation=call.rpartition(":")[0],
                id=call,
                call=str(seen.record["name"]),
                rules=tuple(map(str, seen.record["rules"])),
            )
        self._denied = len(denied)


def _last_task(events: list[HistoryEvent]) -> int:
    """Up to which event the run has thought: what came after its last task may only be shown once it has."""
    for place in range(len(events), 0, -1):
        if events[place - 1].event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return place
    return 0
