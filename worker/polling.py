"""Whether a worker is there to do the work."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

if TYPE_CHECKING:
    from temporalio.client import Client

TIMEOUT = timedelta(seconds=10)
FRESH = timedelta(seconds=75)
"""A poll lasts up to a minute; the server remembers pollers that are gone for five."""


POLL_S = 0.02


async def polls(client: Client, task_queue: str, worker_identity: str, within_s: float) -> bool:
    """Wait until the server knows a worker as a poller; whether it did in time."""
    deadline = asyncio.get_running_loop().time() + within_s
    while worker_identity not in await pollers(client, task_queue):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True


async def pollers(client: Client, task_queue: str) -> tuple[str, ...]:
    """The identities of the workers that polled a task queue for workflow tasks lately, sorted."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    answer = await client.workflow_service.describe_task_queue(request, timeout=TIMEOUT)
    oldest = datetime.now(UTC) - FRESH
    fresh = [poller.identity for poller in answer.pollers if poller.last_access_time.ToDatetime(UTC) > oldest]
    return tuple(sorted(set(fresh)))
