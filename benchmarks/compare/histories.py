"""What a conversation left behind: events and bytes of all executions of a run, and how long each turn took."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle

SPAN = 100
"""How many turns at the beginning are compared with as many at the end."""
CONTINUED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW


@dataclass(slots=True)
class Held:
    """One conversation. `ended` is how its last execution closed; `calls_ms` when each model call was scheduled."""

    side: str
    turns: int
    ended: str = "open"
    cause: str = ""
    wall_s: float = 0.0
    executions: int = 0
    events: int = 0
    in_bytes: int = 0
    model_calls: int = 0
    first_ms: float = 0.0
    last_ms: float = 0.0
    blob_bytes: int | None = None
    content_bytes: int | None = None
    calls_ms: list[float] = field(default_factory=list, repr=False)

    @property
    def completed(self) -> bool:
        """Whether it came to its final answer."""
        return self.ended == "completed"

    @property
    def turn_bytes(self) -> float:
        """Bytes of history for each turn that was made."""
        return self.in_bytes / max(1, min(self.turns, self.model_calls))

    @property
    def slowing(self) -> float:
        """How much longer the last hundred turns took than the first, medians; 0 where these are the same turns."""
        return self.last_ms / self.first_ms if self.model_calls > 2 * SPAN else 0.0


async def hold(held: Held, handle: WorkflowHandle[object, object], client: Client, model: str, limit_s: float) -> None:
    """Wait for the end of a conversation and measure it; one that is not over after the limit is terminated.

    `model` is how the type of the activity begins that calls the model.
    """
    begun = time.monotonic()
    try:
        await asyncio.wait_for(handle.result(), limit_s)
    except WorkflowFailureError as error:
        held.cause = str(error.cause)[:200]
    except TimeoutError:
        held.cause = f"not over after {limit_s:g} s"
        await handle.terminate(held.cause)
    held.wall_s = time.monotonic() - begun
    last = await handle.describe()
    run: str | None = last.raw_description.workflow_execution_info.first_run_id
    while run is not None:
        run = await _measure(held, client.get_workflow_handle(handle.id, run_id=run), model)
    gaps = [after - before for before, after in zip(held.calls_ms, held.calls_ms[1:], strict=False)]
    if gaps:
        held.first_ms, held.last_ms = median(gaps[:SPAN]), median(gaps[-SPAN:])


async def _measure(held: Held, handle: WorkflowHandle[object, object], model: str) -> str | None:
    """Add one execution; the run id of the next, if it continued as new."""
    described = await handle.describe()
    info = described.raw_description.workflow_execution_info
    held.executions += 1
    held.events += info.history_length
    held.in_bytes += info.history_size_bytes
    status = described.status or WorkflowExecutionStatus.RUNNING
    held.ended = status.name.lower()
    following = None
    async for event in handle.fetch_history_events():
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name.startswith(model):
            held.model_calls += 1
            held.calls_ms.append(event.event_time.ToNanoseconds() / 1e6)
        if event.event_type == CONTINUED:
            following = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return following
