"""Traces to an OpenTelemetry collector, where the environment names one."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.trace.export import SpanExporter
    from temporalio.client import Plugin

    from activities.redaction import Redactor

log = logging.getLogger(__name__)

EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What a client is given so that it traces; `flush` sends what is left, at the end."""

    plugins: tuple[Plugin, ...] = ()
    flush: Callable[[], object] = lambda: None


def telemetry(environ: Mapping[str, str], redactor: Redactor) -> Telemetry:
    """Tracing over OTLP/HTTP as the standard OTEL_* variables say; none without an endpoint.

    Spans carry names, ids, durations and the messages of errors, never arguments or results, and no secret. The
    exporter is a package that is not among our dependencies: where it is missing a warning says so.
    """
    if not any(environ.get(name) for name in ENDPOINTS):
        return Telemetry()
    try:
        exporter = import_module(EXPORTER).OTLPSpanExporter()
    except ImportError:
        log.warning("no traces: the exporter is not installed; `pip install opentelemetry-exporter-otlp-proto-http`")
        return Telemetry()
    return tracing(exporter, redactor, environ.get("OTEL_SERVICE_NAME", "detent-worker"))


def tracing(exporter: SpanExporter, redactor: Redactor, service: str) -> Telemetry:
    """Tracing to an exporter: Temporal's own spans, and one of ours for each attempt at a call."""
    from opentelemetry import trace  # noqa: PLC0415 - worth 100 ms in all, and needed only here
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above
    from temporalio.contrib.opentelemetry import OpenTelemetryPlugin, create_tracer_provider  # noqa: PLC0415 - as above
    from temporalio.plugin import SimplePlugin  # noqa: PLC0415 - as above

    from worker.call_spans import CallSpans  # noqa: PLC0415 - as above
    from worker.plain_spans import PlainSpans  # noqa: PLC0415 - as above

    provider = create_tracer_provider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(PlainSpans(exporter, redactor)))
    trace.set_tracer_provider(provider)
    calls = SimplePlugin("detent.calls", interceptors=[CallSpans(trace.get_tracer("detent"))])
    return Telemetry((OpenTelemetryPlugin(add_temporal_spans=True), calls), provider.force_flush)
