"""The cluster that a command talks to, and whether a worker is there to answer."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from activities.blobs_places import open_blobs
from cli.exits import unreachable
from worker.connect import Target, Unreachable, connect, target
from worker.polling import pollers
from worker.settings import blobs_place
from workflows.contracts.names import TASK_QUEUE

if TYPE_CHECKING:
    from temporalio.client import Client

    from activities.blobs_places import BlobPlace
    from cli.exits import CommandError

WORKER_WAIT_S = 10.0
QUERY_TIMEOUT = timedelta(seconds=10)
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Cluster:
    """A connected client with the task queue that its runs go to."""

    client: Client
    task_queue: str
    address: str


async def reach(where: Target | None = None, task_queue: str | None = None, blobs: BlobPlace | None = None) -> Cluster:
    """Connect to `where`, by default what Temporal's own configuration says; exit 6 if nothing answers."""
    found = where or target(os.environ)
    queue = task_queue or os.environ.get("DETENT_TASK_QUEUE") or TASK_QUEUE
    try:
        client = await connect(found, open_blobs(blobs or blobs_place(os.environ)))
    except Unreachable as error:
        raise unreachable(str(error)) from error
    return Cluster(client, queue, found.address)


async def require_worker(cluster: Cluster, within_s: float = WORKER_WAIT_S) -> None:
    """Return as soon as a worker polls the task queue; exit 6 if none does in time."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not await has_worker(cluster):
        if asyncio.get_running_loop().time() >= deadline:
            raise no_worker(cluster)
        await asyncio.sleep(POLL_S)


async def has_worker(cluster: Cluster) -> bool:
    """Whether a worker has polled for workflow tasks lately."""
    return bool(await pollers(cluster.client, cluster.task_queue))


def no_worker(cluster: Cluster) -> CommandError:
    """The error that says nobody works here."""
    return unreachable(
        f"no worker polls task queue `{cluster.task_queue}` in namespace `{cluster.client.namespace}` at "
        f"`{cluster.address}`; start one with `detent worker` or `detent dev`, or use `detent run --local`"
    )
