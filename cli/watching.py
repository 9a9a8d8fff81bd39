"""Everything that can be seen of a run while it goes on, without its worker and at no cost to its history."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from cli.call_changes import CallChanges
from cli.changes import Change
from cli.export import inline
from cli.follow import CLOSING
from cli.replica import Replica
from cli.running import attempts
from cli.runs import find
from workflows.contracts.run import RunView

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from temporalio.api.history.v1 import HistoryEvent

    from cli.cluster import Cluster

Seen = Change | RunView
_Mail = asyncio.Queue["Seen | BaseException | None"]


async def watching(cluster: Cluster, run: str) -> AsyncGenerator[Seen, None]:
    """Changes of calls as they come, and a view whenever the run has thought, until it closes; over every execution.

    Calls come from the history and from Temporal's pending activities, views from replaying the history here.
    """
    mail: _Mail = asyncio.Queue()
    tasks = [
        asyncio.create_task(_posted(_history(cluster, run, mail), mail, last=True)),
        asyncio.create_task(_posted(_attempts(cluster, run, mail), mail, last=False)),
    ]
    try:
        while (seen := await mail.get()) is not None:
            if isinstance(seen, BaseException):
                raise seen
            yield seen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _posted(work: Awaitable[None], mail: _Mail, *, last: bool) -> None:
    """Do the work; its failure, or its end where it is the `last` to end, is mail like all else."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - raised again by whoever reads the mail
        mail.put_nowait(error)
    else:
        if last:
            mail.put_nowait(None)


async def _attempts(cluster: Cluster, run: str, mail: _Mail) -> None:
    async for change in attempts(cluster, run):
        mail.put_nowait(change)


async def _history(cluster: Cluster, run: str, mail: _Mail) -> None:
    readers = _Readers(CallChanges(cluster.client.data_converter), Replica(run, cluster.client.namespace), mail)
    looking = asyncio.create_task(_look(readers))
    try:
        closed = False
        while not closed:
            readers.begin()
            closed = await _one(cluster, run, readers)
    finally:
        readers.over.set()  # a replay is left to end: the SDK does not take being cancelled in one
        readers.grown.set()
        await looking


@dataclass(frozen=True, slots=True)
class _Readers:
    """Who reads the events of a history."""

    calls: CallChanges
    replica: Replica
    mail: _Mail
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        self.calls.begin()
        self.replica.begin()

    async def read(self, event: HistoryEvent) -> None:
        self.replica.add(event)
        self.grown.set()
        change = await self.calls.of(event)
        if change is not None:
            self.mail.put_nowait(change)


async def _one(cluster: Cluster, run: str, readers: _Readers) -> bool:
    """Read one execution's history to its end; whether the run ends with it."""
    found = await find(cluster, run)
    handle = cluster.client.get_workflow_handle(run, run_id=found.run_id)
    async for event in handle.fetch_history_events(wait_new_event=True, skip_archival=True):
        await inline(WorkflowHistory(run, [event]), cluster.client.data_converter)
        await readers.read(event)
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
            return False
        if event.event_type in CLOSING:
            return True
    return False


async def _look(readers: _Readers) -> None:
    while not readers.over.is_set():
        await readers.grown.wait()
        readers.grown.clear()
        try:
            seen = await readers.replica.look()
        except Exception as error:  # noqa: BLE001 - raised again by whoever reads the mail
            readers.mail.put_nowait(error)
            return
        if seen is not None:
            view, denials = seen
            for change in denials:
                readers.mail.put_nowait(change)
            readers.mail.put_nowait(view)
