"""A canary goes into a worker by its environment and comes out of none of its doors."""

from __future__ import annotations

import base64
import dataclasses
import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, Status, StatusCode
from opentelemetry.util.types import Attributes
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.testing import ActivityEnvironment

from activities.dispatch import Dispatch, Reach
from activities.models.aliases import Catalogue
from activities.redaction import Redactor
from activities.seal import SealKeys
from activities.tools.declare import Effect, Risk, Tool, ToolContext, ToolError, tool
from policies.document import builtin_policy, parse_policy
from tests.support.calls import CONVERTER, call, card_digest, reach
from worker.logs import log_to_stderr, redact_logs
from worker.plain_spans import PlainSpans
from worker.redacting import known_values, redactor_of, short_secrets

NAME, CANARY = "DETENT_CANARY_TOKEN", "canary/7f3a+9c21=plain"
ENCODED = base64.b64encode(f"user:{CANARY}".encode()).decode()


@pytest.fixture(autouse=True)
def _canary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, CANARY)


def leaking() -> Tool:
    """A tool that tells its environment in every way that a tool has."""

    @tool("text.leak", effect=Effect.READ, risk=Risk.LOW, timeout="5s")
    async def leak(context: ToolContext, how: str) -> dict[str, Any]:
        """Leak."""
        value = os.environ[NAME]
        context.heartbeat({"half": [value]})
        match how:
            case "error":
                raise ToolError(f"cannot: {value}")
            case "typed":
                raise ApplicationError(f"cannot: {value}", {"rule": value}, type="ToolFailed")
            case "cause":
                raise ApplicationError("cannot", type="ToolFailed") from ValueError(value)
            case "bug":
                raise KeyError(value)
            case "cancelled":
                raise CancelledError(value)
            case _:
                pass
        return {"plain": value, value: 1, "encoded": f"Basic {ENCODED}", "deep": [[{"x": f"a{value}b"}]]}

    return leak


async def told(parts: Reach, how: str) -> str:
    """All that the server would hear of one attempt."""
    environment, heard = ActivityEnvironment(), []
    environment.payload_converter = CONVERTER
    environment.on_heartbeat = lambda *details: heard.append(details)
    info = dataclasses.replace(environment.info, activity_type="text.leak", workflow_id="default/g/k")
    environment.info = info
    argument = call("text.leak", {"how": how}, card_digest(parts, "text.leak"))
    try:
        result = await environment.run(Dispatch(parts).dispatch, [RawValue(CONVERTER.to_payload(argument))])
    except (ApplicationError, CancelledError) as error:
        return f"{heard} {error!r} {error} {error.details} {error.__cause__!r} {getattr(error.cause, 'message', '')}"
    assert isinstance(result, RawValue)
    return f"{heard} {result.payload.data.decode()}"


WAYS = ("result", "error", "typed", "cause", "bug", "cancelled")


@pytest.mark.parametrize("how", WAYS)
async def test_nothing_that_leaves_a_call_has_the_canary(tmp_path: Path, how: str) -> None:
    parts = reach(tmp_path, leaking())
    redacting = dataclasses.replace(parts, redactor=redactor_of(Catalogue({}), builtin_policy(), os.environ))
    found = await told(redacting, how)
    assert "half" in found
    assert CANARY not in found
    assert ENCODED[8:-4] not in found
    assert CANARY in await told(parts, how)  # the attack works without the redactor


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a worker's log says."""
    root, stream = logging.getLogger(), io.StringIO()
    before = (root.handlers[:], root.level)
    monkeypatch.setattr("sys.stderr", stream)
    log_to_stderr()
    yield stream
    root.handlers[:], root.level = before


def _log_it() -> None:
    for name in ("worker.x", "activities.y", "temporalio.activity", "temporalio.worker", "httpx2"):
        logging.getLogger(name).error("told %s", CANARY)
        try:
            raise ValueError(CANARY)  # noqa: TRY301 - a traceback is what is wanted
        except ValueError:
            logging.getLogger(name).exception("failed")


def test_nothing_in_the_log_has_the_canary(written: io.StringIO) -> None:
    redact_logs(Redactor(["another-value"]))
    redact_logs(Redactor([CANARY]))
    _log_it()
    assert written.getvalue().count("[redacted]") == 10
    assert CANARY not in written.getvalue()


def test_the_canary_would_be_in_the_log(written: io.StringIO) -> None:
    _log_it()
    assert CANARY in written.getvalue()


@pytest.mark.parametrize("guarded", [True, False])
def test_nothing_in_a_span_has_the_canary(guarded: bool) -> None:
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(PlainSpans(memory, Redactor([CANARY])) if guarded else memory))
    tracer = provider.get_tracer("t")
    with tracer.start_as_current_span("other") as other:
        context = other.get_span_context()
    attributes: Attributes = {"a": CANARY, "b": [CANARY, "x"], "n": 1}
    with tracer.start_as_current_span(
        f"call {CANARY}", attributes=attributes, links=[Link(context, {"l": CANARY})]
    ) as span:
        span.add_event(f"event {CANARY}", {"e": CANARY})
        span.record_exception(ValueError(CANARY))
        span.set_status(Status(StatusCode.ERROR, f"bad {CANARY}"))
    provider.force_flush()
    (_, found) = memory.get_finished_spans()
    assert (CANARY in found.to_json() + found.name) is not guarded
    assert found.attributes is not None
    assert found.attributes["n"] == 1
    assert found.status.status_code is StatusCode.ERROR
    provider.shutdown()


def test_all_that_is_referred_to_is_known() -> None:
    granted = {"namespaces": ["*"], "allow": [{"env": [{"name": "SERVICE", "hosts": ["example.org"]}]}]}
    policy = parse_policy({"policy": "p", "version": 1, "tenants": {"default": granted}})
    environ = {
        "SERVICE": "service-value",
        "OTHER_TOKEN": "not-referred-to",
        "TEMPORAL_API_KEY": "temporal-value",
        "DETENT_SEAL_KEY_FILE": "a/path/to/a/file",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20collector-value,x=short",
        "DETENT_POLICY": "policy.yaml",
    }
    assert set(known_values(Catalogue({}), policy, environ)) == {
        "SERVICE",
        "TEMPORAL_API_KEY",
        "OTEL_EXPORTER_OTLP_HEADERS",
    }
    redactor = redactor_of(Catalogue({}), policy, environ, SealKeys(b"k" * 32))
    text = "service-value temporal-value collector-value not-referred-to " + base64.b64encode(b"k" * 32).decode()
    assert redactor.text(text) == "[redacted] [redacted] [redacted] not-referred-to [redacted]"


def test_the_lines_of_a_key_file_are_known_one_by_one() -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0B", "AQEFAASCBKcwggSjAgEAAoIB"
    environ = {"TEMPORAL_TLS_CLIENT_KEY_DATA": "\n".join(["-----BEGIN PRIVATE KEY-----", *body, "-----END-----"])}
    redactor = redactor_of(Catalogue({}), builtin_policy(), environ)
    assert redactor.text(f"a {body[1]} b") == "a [redacted] b"


def test_values_too_short_to_redact_are_told() -> None:
    environ = {"DETENT_X_KEY": "short", "TEMPORAL_API_KEY": "long enough"}
    assert short_secrets(Catalogue({}), builtin_policy(), environ) == ("DETENT_X_KEY",)


def test_a_line_of_the_log_draws_nothing_and_forges_no_other(written: io.StringIO) -> None:
    logging.getLogger("worker.x").error(
        "told %s", "\x1b[2J\x07\u202e\r\n2026-11-21T00:00:00Z INFO worker.run: all is well"
    )
    lines = written.getvalue().splitlines()
    assert lines[0].endswith("told \\x1b[2J\\x07\\u202e\\r")
    assert lines[1] == "    2026-11-21T00:00:00Z INFO worker.run: all is well"


def test_credentials_of_the_blob_store_are_known(tmp_path: Path) -> None:
    keys = {"AWS_SECRET_ACCESS_KEY": "s" * 40, "AZURE_STORAGE_ACCOUNT_KEY": "a" * 40, "AWS_SESSION_TOKEN": "t" * 40}
    places = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path), "GOOGLE_SERVICE_ACCOUNT_PATH": "/x/y", "AWS_REGION": "eu"}
    assert known_values(Catalogue({}), builtin_policy(), {**keys, **places}) == keys
