"""Traces are made where the environment asks for them, and their absence is told."""

from __future__ import annotations

import importlib.util
import logging

import pytest

from activities.redaction import Redactor
from worker.telemetry import telemetry


def test_without_an_endpoint_nothing_is_traced() -> None:
    assert telemetry({}, Redactor()).plugins == ()


@pytest.mark.skipif(
    importlib.util.find_spec("opentelemetry.exporter") is not None, reason="the exporter is installed here"
)
def test_a_missing_exporter_is_told_with_its_remedy(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = telemetry({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, Redactor())
    assert found.plugins == ()
    assert "pip install opentelemetry-exporter-otlp-proto-http" in caplog.text
