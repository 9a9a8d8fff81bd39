"""Histories of calls, written by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

if TYPE_CHECKING:
    from collections.abc import Iterable

JSON = {"encoding": b"json/plain"}


def payload(value: object) -> Payload:
    """A value as our converter writes it."""
    return Payload(metadata=JSON, data=json.dumps(value).encode())


def history(calls: Iterable[tuple[dict[str, Any], dict[str, Any] | None]], *more: Payload) -> WorkflowHistory:
    """Calls with their results, in order; null for one without. `more` are the run's input."""
    started = HistoryEvent(event_id=1)
    started.workflow_execution_started_event_attributes.input.payloads.extend(more)
    events = [started]
    for given, result in calls:
        asked = HistoryEvent(event_id=len(events) + 1)
        asked.activity_task_scheduled_event_attributes.input.payloads.append(payload(given))
        asked.activity_task_scheduled_event_attributes.retry_policy.maximum_attempts = 4
        events.append(asked)
        if result is not None:
            ended = HistoryEvent(event_id=len(events) + 1)
            ended.activity_task_completed_event_attributes.scheduled_event_id = asked.event_id
            ended.activity_task_completed_event_attributes.result.payloads.append(payload(result))
            events.append(ended)
    return WorkflowHistory("default/g/k", events)
