"""The calls of a run as its histories have them, each with the visit that wanted it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from policies.units import NANO
from workflows.contracts.calls import Bill, Usage
from workflows.contracts.failures import ErrorInfo
from workflows.contracts.records import CallRecord
from workflows.engine.clock import parse_rfc3339, rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from google.protobuf.timestamp_pb2 import Timestamp
    from temporalio.api.common.v1 import Payload
    from temporalio.api.failure.v1 import Failure
    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.client import WorkflowHistory
    from temporalio.converter import DataConverter

    from workflows.contracts.records import CallStatus

MODEL = "model."
ENDS: Mapping[str, CallStatus] = {
    "activity_task_completed_event_attributes": "ok",
    "activity_task_failed_event_attributes": "failed",
    "activity_task_timed_out_event_attributes": "timed_out",
    "activity_task_canceled_event_attributes": "cancelled",
}
STARTED = "activity_task_started_event_attributes"


@dataclass(frozen=True, slots=True)
class Settled:
    """What a run's budget was charged for a call."""

    tokens: int
    cost_nano: int


class CallLog:
    """Reads history after history of one run. `settled` is what its audit says that each call came to, in order."""

    def __init__(self, converter: DataConverter, settled: Mapping[str, Sequence[Settled]]) -> None:
        self._converter = converter
        self._settled = {call: deque(amounts) for call, amounts in settled.items()}
        self._found: dict[str, list[CallRecord]] = {}

    async def read(self, history: WorkflowHistory) -> None:
        """Take up the calls of one history."""
        places: dict[int, tuple[list[CallRecord], int]] = {}
        for event in history.events:
            kind = str(event.WhichOneof("attributes"))
            if kind == "activity_task_scheduled_event_attributes":
                owner, call = await self._scheduled(event)
                calls = self._found.setdefault(owner, [])
                calls.append(call)
                places[event.event_id] = (calls, len(calls) - 1)
            elif kind == STARTED or kind in ENDS:
                calls, at = places[getattr(event, kind).scheduled_event_id]
                calls[at] = calls[at].model_copy(update=await self._change(event, kind, calls[at]))

    def of(self, activation: str) -> tuple[CallRecord, ...]:
        """The calls of a visit, in the order in which they were made."""
        return tuple(map(self._charged, self._found.get(activation, [])))

    def _charged(self, call: CallRecord) -> CallRecord:
        amounts = self._settled.get(call.call)
        if not amounts:
            return call
        amount = amounts.popleft()
        cost = {"cost_nano": amount.cost_nano, "cost_usd": amount.cost_nano / NANO}
        return call.model_copy(update={"tokens_used": amount.tokens, **cost})

    async def _scheduled(self, event: HistoryEvent) -> tuple[str, CallRecord]:
        found = event.activity_task_scheduled_event_attributes
        wire = _dict(await self._first(found.input.payloads))
        call = found.activity_id.rpartition("@")[0]
        record = CallRecord(
            call=call,
            kind="model" if found.activity_type.name.startswith(MODEL) else "tool",
            name=str(wire.get("name", found.activity_type.name)),
            status="running",
            generation=int(wire.get("generation", 0)),
            scheduled_at=_time(event.event_time),
        )
        return str(wire.get("activation", call.rpartition(":")[0])), record

    async def _change(self, event: HistoryEvent, kind: str, call: CallRecord) -> dict[str, object]:
        if kind == STARTED:
            attempt = event.activity_task_started_event_attributes.attempt
            return {"attempts": attempt, "started_at": _time(event.event_time)}
        ended_at = _time(event.event_time)
        took_ms = parse_rfc3339(ended_at) - parse_rfc3339(call.scheduled_at)
        ended = {"status": ENDS[kind], "ended_at": ended_at, "latency_ms": took_ms}
        return {**ended, **await self._came_to(getattr(event, kind))}

    async def _came_to(self, end: Any) -> dict[str, object]:  # noqa: ANN401 - the attributes of any end
        if end.DESCRIPTOR.name.startswith("ActivityTaskCompleted"):
            return {"usage": _usage(_dict(await self._first(end.result.payloads)).get("usage"))}
        if end.DESCRIPTOR.name.startswith("ActivityTaskCanceled"):
            return {}
        error, bill = await self._failed(end.failure)
        return {"error": error, "usage": bill.usage}

    async def _failed(self, failure: Failure) -> tuple[ErrorInfo, Bill]:
        told = failure.application_failure_info
        kind = told.type or "Timeout"
        try:
            bill = Bill.model_validate(_dict(await self._first(told.details.payloads)))
        except ValidationError:
            bill = Bill()
        return ErrorInfo(type=kind, message=failure.message, attempts=bill.attempt), bill

    async def _first(self, payloads: Sequence[Payload]) -> object:
        return (await self._converter.decode(payloads))[0] if payloads else None


def settled_by_call(records: Iterable[Mapping[str, Any]]) -> dict[str, list[Settled]]:
    """What a run's audit records say that its calls were charged."""
    found: dict[str, list[Settled]] = {}
    for record in records:
        if record["kind"] == "settled":
            found.setdefault(record["call"], []).append(Settled(record["tokens"], record["cost_nano"]))
    return found


def _usage(value: object) -> Usage | None:
    try:
        return None if value is None else Usage.model_validate(value)
    except ValidationError:
        return None


def _time(at: Timestamp) -> str:
    """RFC 3339 in milliseconds, as the engine writes times."""
    return rfc3339(at.ToMilliseconds())


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
