"""Spans without secrets: copied and redacted on their way to an exporter, because a span that ended is fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.trace import Link, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.trace.export import SpanExportResult
    from opentelemetry.util.types import AttributeValue

    from activities.redaction import Redactor


class PlainSpans(SpanExporter):
    """Exports what another exporter would, with secrets taken out of every text."""

    def __init__(self, exporter: SpanExporter, redactor: Redactor) -> None:
        self._exporter, self._redactor = exporter, redactor

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export redacted copies."""
        return self._exporter.export([self._plain(span) for span in spans])

    def shutdown(self) -> None:
        """Shut the other exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the other exporter."""
        return self._exporter.force_flush(timeout_millis)

    def _plain(self, span: ReadableSpan) -> ReadableSpan:
        status, words = span.status, span.status.description
        return ReadableSpan(
            name=self._redactor.text(span.name),
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=self._attributes(span.attributes),
            events=[
                Event(self._redactor.text(event.name), self._attributes(event.attributes), event.timestamp)
                for event in span.events
            ],
            links=[Link(link.context, self._attributes(link.attributes)) for link in span.links],
            kind=span.kind,
            instrumentation_scope=span.instrumentation_scope,
            status=Status(status.status_code, None if words is None else self._redactor.text(words)),
            start_time=span.start_time,
            end_time=span.end_time,
        )

    def _attributes(self, attributes: Mapping[str, AttributeValue] | None) -> dict[str, AttributeValue]:
        return {key: self._value(value) for key, value in (attributes or {}).items()}

    def _value(self, value: AttributeValue) -> AttributeValue:
        if isinstance(value, str):
            return self._redactor.text(value)
        if isinstance(value, bytes) or not isinstance(value, tuple | list):
            return value
        return [self._redactor.text(part) if isinstance(part, str) else part for part in value]
