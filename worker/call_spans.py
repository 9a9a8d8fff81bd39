"""A span for each attempt at a call, in the words of OpenTelemetry's conventions for generative models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind, Status, StatusCode
from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, Interceptor

from activities.dispatch import MODEL_PREFIX
from policies.units import NANO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.trace import Span, Tracer
    from temporalio.worker import ExecuteActivityInput

Attributes = dict[str, str | int | float]


class CallSpans(Interceptor):
    """Put into a worker that traces. Spans are made where a call is made, so that no replay makes any."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Around every activity."""
        return _Spanning(next, self._tracer)


class _Spanning(ActivityInboundInterceptor):
    """Says which call of which run it was, what it used and how it failed; never what was said."""

    def __init__(self, inner: ActivityInboundInterceptor, tracer: Tracer) -> None:
        super().__init__(inner)
        self._tracer = tracer

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - the SDK's name and type
        """Make a span around what is a call; other activities are the worker's own."""
        call = next((_json(raw) for raw in _raw(input.args)), {})
        if "activation" not in call:
            return await self.next.execute_activity(input)
        info = activity.info()
        is_model = info.activity_type.startswith(MODEL_PREFIX)
        attributes = _of_call(call, info, is_model=is_model)
        name = f"chat {attributes['gen_ai.request.model']}" if is_model else f"execute_tool {info.activity_type}"
        kind = SpanKind.CLIENT if is_model else SpanKind.INTERNAL
        with self._tracer.start_as_current_span(
            name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            return await self._told(input, span)

    async def _told(self, given: ExecuteActivityInput, span: Span) -> object:
        try:
            result = await self.next.execute_activity(given)
        except BaseException as error:
            kind = error.type if isinstance(error, ApplicationError) and error.type else type(error).__name__
            span.set_attribute("error.type", kind)
            span.set_status(Status(StatusCode.ERROR, kind))
            raise
        for raw in _raw([result]):
            span.set_attributes(_of_result(_json(raw)))
        return result


def _of_call(call: Mapping[str, Any], info: activity.Info, *, is_model: bool) -> Attributes:
    args = call.get("args")
    found: Attributes = {
        "gen_ai.operation.name": "chat" if is_model else "execute_tool",
        "gen_ai.conversation.id": info.workflow_id or "",
        "detent.run": info.workflow_id or "",
        "detent.run_id": info.workflow_run_id or "",
        "detent.call": info.activity_id.rpartition("@")[0],
        "detent.activation": str(call["activation"]),
        "detent.node": str(call.get("node", "")),
        "detent.attempt": info.attempt,
    }
    if not is_model:
        return {**found, "gen_ai.tool.name": info.activity_type, "gen_ai.tool.call.id": str(found["detent.call"])}
    model = args.get("model", "") if isinstance(args, dict) else ""
    provider = info.activity_type.removeprefix(MODEL_PREFIX)
    return {**found, "gen_ai.provider.name": provider, "gen_ai.request.model": str(model)}


def _of_result(result: Mapping[str, Any]) -> Attributes:
    usage = result.get("usage")
    if not isinstance(usage, dict):
        return {}
    return {
        "gen_ai.usage.input_tokens": int(usage.get("input_tokens", 0)),
        "gen_ai.usage.output_tokens": int(usage.get("output_tokens", 0)),
        "detent.tokens": int(usage.get("tokens", 0)),
        "detent.cost_usd": int(usage.get("cost_nano", 0)) / NANO,
    }


def _raw(values: Iterable[object]) -> list[RawValue]:
    """The raw payloads among values, however the SDK nests them for a dynamic activity."""
    found: list[RawValue] = []
    for value in values:
        if isinstance(value, RawValue):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += _raw(value)
    return found


def _json(raw: RawValue) -> dict[str, Any]:
    try:
        value = json.loads(raw.payload.data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
