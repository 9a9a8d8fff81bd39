"""Whoever polls our task queue: gets a run's workflow task before our worker does, and answers it as it likes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import (
    Command,
    RecordMarkerCommandAttributes,
    ScheduleActivityTaskCommandAttributes,
)
from temporalio.api.common.v1 import ActivityType, Payloads, RetryPolicy
from temporalio.api.enums.v1 import CommandType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest, RespondWorkflowTaskCompletedRequest

from tests.server.histories import events_of
from tests.support.runs import TIMEOUT_S

if TYPE_CHECKING:
    from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes, MarkerRecordedEventAttributes
    from temporalio.client import Client

    from tests.support.runs import Run


async def steal(client: Client, task_queue: str, *commands: Command) -> None:
    """Take the next workflow task of a queue, and answer it with commands of one's own."""
    request = PollWorkflowTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=task_queue), identity="thief"
    )
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            task = await client.workflow_service.poll_workflow_task_queue(request, timeout=timedelta(seconds=70))
            if task.task_token:
                break
    answer = RespondWorkflowTaskCompletedRequest(
        namespace=client.namespace, task_token=task.task_token, identity="thief", commands=commands
    )
    await client.workflow_service.respond_workflow_task_completed(answer)


async def admission_of(run: Run) -> MarkerRecordedEventAttributes:
    """What `run.admit` left in a run's last history: anybody may read it."""
    events = [event for event in await events_of(run) if event.HasField("marker_recorded_event_attributes")]
    return events[-1].marker_recorded_event_attributes


def recorded(marker: MarkerRecordedEventAttributes, result: Payloads) -> Command:
    """The same marker with another result: what the SDK would have recorded if `run.admit` had said that."""
    details = {**marker.details, "result": result}
    attributes = RecordMarkerCommandAttributes(marker_name=marker.marker_name, details=details)
    return Command(command_type=CommandType.COMMAND_TYPE_RECORD_MARKER, record_marker_command_attributes=attributes)


def scheduled_again(
    once: ActivityTaskScheduledEventAttributes, task_queue: str, *, activity_id: str, given: Payloads
) -> Command:
    """An activity with the header of another."""
    attributes = ScheduleActivityTaskCommandAttributes(
        activity_id=activity_id,
        activity_type=ActivityType(name=once.activity_type.name),
        task_queue=TaskQueue(name=task_queue),
        header=once.header,
        input=given,
        start_to_close_timeout=Duration(seconds=10),
        schedule_to_close_timeout=Duration(seconds=10),
        retry_policy=RetryPolicy(maximum_attempts=1),
    )
    return Command(
        command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
        schedule_activity_task_command_attributes=attributes,
    )
