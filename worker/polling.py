"""Whether a worker is there to do the work."""

from __future__ import annotations

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
