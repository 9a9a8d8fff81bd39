"""What an agent's run left behind: its executions, and its conversation read back from the blob store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import EventType

from activities.blobs import DirectoryBlobs
from activities.transcripts import Transcripts
from workflows.contracts.calls import CallResult, ModelOutput
from workflows.contracts.conversation import Message, Ref

if TYPE_CHECKING:
    from temporalio.api.common.v1 import Payloads
    from temporalio.api.history.v1 import HistoryEvent

    from tests.chaos.ground import Ground

TENANT = "default"
LAST = 12
MODEL = "model."
CONTINUED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW


@dataclass(slots=True)
class Left:
    """All executions of a run. `lost` counts, by type, the calls whose answer never came; `last` is the last answer."""

    executions: int = 0
    in_bytes: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    last: Payloads | None = None


async def left_by(at: Ground, run: str, first_run_id: str) -> Left:
    """Read every execution of a run."""
    found = Left()
    following: str | None = first_run_id
    while following is not None:
        handle = at.client.get_workflow_handle(run, run_id=following)
        info = (await handle.describe()).raw_description.workflow_execution_info
        found.executions += 1
        found.in_bytes += info.history_size_bytes
        following = _read(found, [event async for event in handle.fetch_history_events()])
    return found


def _read(found: Left, events: list[HistoryEvent]) -> str | None:
    """Take in one execution; the run id of the next, if there is one."""
    types = {
        event.event_id: event.activity_task_scheduled_event_attributes.activity_type.name
        for event in events
        if event.HasField("activity_task_scheduled_event_attributes")
    }
    for event in events:
        if event.HasField("activity_task_timed_out_event_attributes"):
            name = types[event.activity_task_timed_out_event_attributes.scheduled_event_id]
            found.lost[name] = found.lost.get(name, 0) + 1
        done = event.activity_task_completed_event_attributes
        if event.HasField("activity_task_completed_event_attributes") and types[done.scheduled_event_id].startswith(
            MODEL
        ):
            found.last = done.result
    if events[-1].event_type == CONTINUED:
        return events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return None


async def stuck(at: Ground, run: str) -> str:
    """What a run that does not end is at: its pending calls and task, its last events, the last failure of a task."""
    handle = at.client.get_workflow_handle(run)
    raw = (await handle.describe()).raw_description
    calls = [f"{call.activity_type.name} attempt {call.attempt}" for call in raw.pending_activities]
    events = [event async for event in handle.fetch_history_events()]
    failed = [event.workflow_task_failed_event_attributes for event in events]
    messages = [one.failure.message[:300] for one in failed if one.HasField("failure")]
    attempt = raw.pending_workflow_task.attempt if raw.HasField("pending_workflow_task") else 0
    last = [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower() for event in events[-LAST:]]
    at_work = f"calls {calls}, workflow task attempt {attempt}, {len(events)} events, the last {last}"
    return f"{at_work}, task failures {messages[-1:]}"


async def conversation(at: Ground, found: Left) -> tuple[Message, ...]:
    """The whole conversation that the last answer of the model leads to, every segment verified."""
    assert found.last is not None, "no model call was answered"
    (result,) = await at.client.data_converter.decode(found.last.payloads, [CallResult])
    ref = ModelOutput.model_validate(result.output).transcript
    assert isinstance(ref, Ref), "the last answer leads to no transcript"
    transcript = await Transcripts(DirectoryBlobs(at.top / "blobs")).load(ref, TENANT)
    return transcript.messages


def faults_of(messages: tuple[Message, ...]) -> list[str]:
    """What a provider would refuse: roles that do not alternate, calls and results that do not match one to one."""
    found = []
    for place, message in enumerate(messages):
        if message.role != ("user", "assistant")[place % 2]:
            found.append(f"message {place} is the {message.role}'s")
        asked = [call.id for call in messages[place - 1].tool_calls] if place else []
        answered = [answer.id for answer in message.results]
        if message.role == "user" and answered != asked:
            found.append(f"message {place} answers {answered}, asked were {asked}")
    if messages and messages[-1].tool_calls:
        found.append("the last calls have no results")
    return found
