"""`python -m benchmarks.worker`: a worker process that serves Detent's workflow beside the hand-written one."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Worker

from activities.blobs_places import open_blobs
from activities.tools.confine import Workspace
from activities.tools.context import ToolContext
from activities.tools.registry import load_tools
from benchmarks.handwritten import ACTIVITY, HandWritten, activity_around
from worker import compose as parts
from worker.connect import connect, target
from worker.sandbox import sandboxed, unsandboxed
from worker.seal_gate import Gate
from worker.seal_key import require_seal_keys
from worker.sealing import Sealing
from worker.settings import READY_FD, Flags, settings
from workflows.registry import WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from temporalio.client import Client

    from activities.tools.place import Place
    from activities.tools.registry import Toolbox

UNSANDBOXED = "DETENT_BENCH_UNSANDBOXED"
CACHED_RUNS = 2_000


class Everything:
    """An access that refuses nothing, as code written by hand would have none at all."""

    def may_read(self, place: Place) -> None:
        """Allow it."""

    def may_write(self, place: Place) -> None:
        """Allow it."""

    def shows(self, place: Place) -> bool:
        """Allow it."""
        del place
        return True

    def enters(self, place: Place) -> bool:
        """Allow it."""
        del place
        return True


class SealingOurs(Sealing):
    """Seals for Detent's runs; the hand-written activity has none, and no check of any."""

    def intercept_activity(self, inner: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """The gate, around which the hand-written activity goes."""
        return _Around(inner, self.seals)


class _Around(Gate):
    async def execute_activity(self, given: ExecuteActivityInput) -> object:
        if activity.info().activity_type == ACTIVITY:
            return await self.next.execute_activity(given)
        return await super().execute_activity(given)


def plain_read(toolbox: Toolbox, root: Path) -> Callable[[str], Awaitable[object]]:
    """The code of `fs.read` without gate, edge or heartbeats."""
    tool = toolbox.get("fs.read")
    assert tool is not None
    workspace, access = Workspace(root), Everything()

    async def read(path: str) -> object:
        context = ToolContext(workspace, access, "0" * 64, 1, 60.0, lambda *_: None)
        return await tool.call(context, {"path": path})

    return read


def build(client: Client, composition: parts.Composition) -> Worker:
    """The worker of `worker.compose`, with the same options and one more workflow and activity."""
    toolbox = load_tools(composition.settings.tools)
    hand_read = activity_around(plain_read(toolbox, composition.settings.workspace))
    return Worker(
        client,
        task_queue=composition.settings.task_queue,
        workflows=(*WORKFLOWS, HandWritten),
        activities=[composition.admission.admit, composition.dispatch.dispatch, hand_read],
        interceptors=[SealingOurs(require_seal_keys(composition.seals))],
        workflow_runner=unsandboxed() if os.environ.get(UNSANDBOXED) else sandboxed(),
        max_cached_workflows=CACHED_RUNS,
        max_concurrent_activities=composition.settings.concurrency,
        max_heartbeat_throttle_interval=parts.HEARTBEAT_GRAIN,
        default_heartbeat_throttle_interval=parts.HEARTBEAT_GRAIN,
        sticky_queue_schedule_to_start_timeout=parts.STICKY_WAIT,
    )


async def work() -> None:
    """Serve until the parent ends us."""
    found = settings(Flags(), os.environ)
    where = target(os.environ)
    composition = parts.compose(found, where.namespace, os.environ)
    client = await connect(where, open_blobs(found.blobs))
    async with build(client, composition):
        os.write(int(os.environ[READY_FD]), b"ready")
        await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(work()))
