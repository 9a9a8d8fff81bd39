"""Following a run: a view after every step of it, at no cost to its history."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError, RPCStatusCode

from cli.closed import closed_view
from cli.exits import CommandError
from cli.runs import UNANSWERED, find, is_open, open_view

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cli.cluster import Cluster
    from workflows.contracts.run import RunView

THROTTLE_S = 0.1
"""A burst of steps is seen ten times a second at most: a query a step would slow the worker down."""
QUIET_S = 30.0
"""A view is asked for again after this long without an event, in case the long poll lost one."""
CLOSING = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
    }
)


async def follow(cluster: Cluster, run: str, changed: asyncio.Event | None = None) -> AsyncGenerator[RunView, None]:
    """Views of a run as it goes on; the last one is of the closed run. Exit 6 once no worker polls.

    Whoever sets `changed` gets a view, too.
    """
    found = await find(cluster, run)
    if not is_open(found):  # a worker would answer for it still, with the view from before its end
        yield await closed_view(cluster.client, found)
        return
    changed = changed or asyncio.Event()
    watcher = asyncio.create_task(_watch(cluster, run, changed))
    try:
        while not watcher.done():
            changed.clear()
            view = await _view_unless_over(cluster, run, watcher)
            if view is None:
                break
            yield view
            await _either(changed, watcher)
            await asyncio.sleep(THROTTLE_S)
        await watcher
        yield await closed_view(cluster.client, await find(cluster, run))
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError, RPCError):
            await watcher


async def _either(changed: asyncio.Event, watcher: asyncio.Task[None]) -> None:
    wait = asyncio.create_task(changed.wait())
    await asyncio.wait({wait, watcher}, timeout=QUIET_S, return_when=asyncio.FIRST_COMPLETED)
    wait.cancel()


async def _watch(cluster: Cluster, run: str, changed: asyncio.Event) -> None:
    """Set `changed` at every event until the run closes, over every continue-as-new."""
    while True:
        found = await find(cluster, run)
        if not is_open(found):
            return
        handle = cluster.client.get_workflow_handle(run, run_id=found.run_id)
        async for event in handle.fetch_history_events(wait_new_event=True, skip_archival=True):
            changed.set()
            if event.event_type in CLOSING:
                return


async def _view_unless_over(cluster: Cluster, run: str, watcher: asyncio.Task[None]) -> RunView | None:
    """The view, or null as soon as the run is closed: one that was refused admission never has another."""
    asking = asyncio.create_task(_view(cluster, run))
    await asyncio.wait({asking, watcher}, return_when=asyncio.FIRST_COMPLETED)
    if asking.done():
        return asking.result()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    return None


async def _view(cluster: Cluster, run: str) -> RunView | None:
    """The view of an open run; null if it has closed meanwhile. A worker that polls but is slow is waited for."""
    while True:
        try:
            return await open_view(cluster, run)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None
        except CommandError as error:
            if error.kind != UNANSWERED:
                raise
