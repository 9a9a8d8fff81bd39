"""Calls as a run's history tells of them while it grows: made with what, ended with what, at what cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cli.changes import Change
from cli.running import call_of
from policies.units import NANO
from workflows.contracts.calls import Bill, Usage
from workflows.engine.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from temporalio.api.common.v1 import Payload
    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.converter import DataConverter

SCHEDULED = "activity_task_scheduled_event_attributes"
ENDS: Mapping[str, str] = {
    "activity_task_completed_event_attributes": "ok",
    "activity_task_failed_event_attributes": "failed",
    "activity_task_timed_out_event_attributes": "timed out",
    "activity_task_canceled_event_attributes": "cancelled",
}
TEXT_CHARS = 200
SUMMARY = "summary"


class CallChanges:
    """Reads a run's events one by one, over all its histories."""

    def __init__(self, converter: DataConverter) -> None:
        self._converter = converter
        self._made: dict[int, Change] = {}
        self._turns: dict[str, int] = {}
        self._total = Usage()

    def begin(self) -> None:
        """Another history begins; its events are numbered anew."""
        self._made = {}

    async def of(self, event: HistoryEvent) -> Change | None:
        """What an event says of a call, if anything."""
        kind = str(event.WhichOneof("attributes"))
        if kind == SCHEDULED:
            return await self._call(event)
        if kind not in ENDS:
            return None
        end: Any = getattr(event, kind)
        made = self._made.pop(end.scheduled_event_id, None)
        return None if made is None else await self._result(event, kind, end, made)

    async def _call(self, event: HistoryEvent) -> Change:
        found = event.activity_task_scheduled_event_attributes
        wire = _dict(await self._first(found.input.payloads))
        call = call_of(found.activity_id)
        owner = str(wire.get("activation", call.rpartition(":")[0]))
        args = _dict(wire.get("args"))
        is_model = found.activity_type.name.startswith("model.")
        change = Change(
            at=rfc3339(event.event_time.ToMilliseconds()),
            kind="call",
            activation=owner,
            id=call,
            call=str(wire.get("name", found.activity_type.name)),
            turn=self._turn(owner, args) if is_model else self._turns.get(owner),
            text=_of_model(args) if is_model else _short(args),
        )
        self._made[event.event_id] = change
        return change

    def _turn(self, owner: str, args: Mapping[str, Any]) -> int | None:
        """Which turn of an agent a model call is; a compaction is none, and no more is the call of a model node."""
        if not args.get("agent"):
            return self._turns.get(owner)
        if _dict(args.get("compact")).get("how") != SUMMARY:
            self._turns[owner] = self._turns.get(owner, 0) + 1
        return self._turns.get(owner)

    async def _result(self, event: HistoryEvent, kind: str, end: Any, made: Change) -> Change:  # noqa: ANN401 - any end
        text, usage = await self._came_to(kind, end)
        total = self._total = _sum(self._total, usage)
        at = rfc3339(event.event_time.ToMilliseconds())
        return made.model_copy(
            update={
                "at": at,
                "kind": "result",
                "status": ENDS[kind],
                "text": text,
                "tokens": usage.tokens,
                "cost_usd": usage.cost_nano / NANO,
                "latency_ms": usage.latency_ms or None,
                "total_tokens": total.tokens,
                "total_cost_usd": total.cost_nano / NANO,
            }
        )

    async def _came_to(self, kind: str, end: Any) -> tuple[str | None, Usage]:  # noqa: ANN401 - as above
        if ENDS[kind] == "ok":
            result = _dict(await self._first(end.result.payloads))
            return _first_line(result), _usage(result.get("usage"))
        if ENDS[kind] == "cancelled":
            return None, Usage()
        told = end.failure.application_failure_info
        bill = _bill(await self._first(told.details.payloads))
        words = f"{told.type}: {end.failure.message}" if told.type else end.failure.message
        return words[:TEXT_CHARS], bill

    async def _first(self, payloads: Sequence[Payload]) -> object:
        return (await self._converter.decode(payloads))[0] if payloads else None


def _of_model(args: Mapping[str, Any]) -> str | None:
    """What a model is told that is new: the last text of its messages."""
    texts = [
        part.get("text")
        for message in args.get("messages") or ()
        for part in _dict(message).get("content") or ()
        if isinstance(part, dict)
    ]
    words = next((text for text in reversed(texts) if isinstance(text, str)), None)
    return None if words is None else _line(words)


def _short(args: Mapping[str, Any]) -> str:
    """`path=a.py limit=3`: each argument on as little room as it needs."""
    return " ".join(f"{name}={_value(value)}" for name, value in args.items())[:TEXT_CHARS]


def _value(value: object) -> str:
    return value if isinstance(value, str) and value and " " not in value else json.dumps(value, ensure_ascii=False)


def _first_line(result: Mapping[str, Any]) -> str | None:
    """The first line of what a call gave, whatever its form; of a model's turn the tools that it asks for."""
    content = result.get("content")
    output = content.get("text") if isinstance(content, dict) else result.get("output")
    if isinstance(output, dict) and output.get("tool_calls"):
        wants = ", ".join(str(_dict(call).get("name")) for call in output["tool_calls"])
        return _line(f"{output.get('text') or ''} → {wants}".strip())
    if isinstance(output, dict) and isinstance(output.get("text"), str):
        output = output["text"]
    if output is None:
        return None
    return _line(output if isinstance(output, str) else json.dumps(output, ensure_ascii=False))


def _line(text: str) -> str:
    return next((part for part in text.split("\n") if part.strip()), "")[:TEXT_CHARS]


def _bill(detail: object) -> Usage:
    try:
        bill = Bill.model_validate(_dict(detail))
    except ValidationError:
        return Usage()
    return bill.usage or Usage()


def _usage(value: object) -> Usage:
    try:
        return Usage.model_validate(value or {})
    except ValidationError:
        return Usage()


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(tokens=one.tokens + other.tokens, cost_nano=one.cost_nano + other.cost_nano)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
