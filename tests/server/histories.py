"""What a history says about the calls that were scheduled in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from temporalio.api.enums.v1 import EventType

from tests.support.runs import Run
from workflows.contracts.run import RunCard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from temporalio.api.common.v1 import Payload
    from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes, HistoryEvent


async def decoded(run: Run, payloads: Sequence[Payload]) -> Any:  # noqa: ANN401 - any JSON
    """The first value, wherever it is kept."""
    return (await run.client.data_converter.decode(payloads))[0]


async def events_of(run: Run) -> list[HistoryEvent]:
    """Every event of every history of a run, oldest first."""
    events: list[HistoryEvent] = []
    next_id: str | None = (await run.handle.describe()).raw_description.workflow_execution_info.first_run_id
    while next_id:
        handle = run.client.get_workflow_handle(run.handle.id, run_id=next_id)
        found = [event async for event in handle.fetch_history_events()]
        events += found
        next_id = found[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return events


async def scheduled_in(run: Run) -> list[ActivityTaskScheduledEventAttributes]:
    """Every activity that was scheduled."""
    return [
        event.activity_task_scheduled_event_attributes
        for event in await events_of(run)
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]


async def calls_of(run: Run) -> list[dict[str, Any]]:
    """The calls that were scheduled, as they stand on the wire."""
    return [await decoded(run, found.input.payloads) for found in await scheduled_in(run)]


async def card_of(run: Run) -> RunCard:
    """The run card, as `run.admit` left it in the first history."""
    for event in await events_of(run):
        if event.HasField("marker_recorded_event_attributes"):
            marker = event.marker_recorded_event_attributes
            if marker.marker_name == "core_local_activity":
                return RunCard.model_validate(await decoded(run, marker.details["result"].payloads))
    raise AssertionError("the run was not admitted")
