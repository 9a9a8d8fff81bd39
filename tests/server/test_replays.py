"""Replaying a run adds nothing to what was traced, logged, journalled or paid, on the worker or beside it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.plugin import SimplePlugin
from temporalio.worker import Plugin, Replayer

from activities.redaction import Redactor
from tests.support.runs import SEAL_KEY, graph_of, tool, working
from worker.connect import Target, connect, converter
from worker.sandbox import sandboxed
from worker.seal_key import require_seal_keys, seal_keys
from worker.sealing import Sealing
from worker.telemetry import Telemetry, tracing
from workflows.registry import WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from temporalio.worker import WorkerConfig

    from activities.blobs import DirectoryBlobs
    from tests.support.runs import Runs
    from worker.server import EmbeddedServer

pytestmark = pytest.mark.server
GRAPH = graph_of(
    {
        "one": tool("note", "two", {"value": 1}),
        "two": {"kind": "model", "model": "default", "prompt": "words of a prompt", "next": "three"},
        "three": tool("pay", "end", {"usd": 1}),
    }
)
MODELS = "models: {default: {provider: scripted, script: replies.yaml, journal: journal.jsonl}}"
CALLS = ["execute_tool note", "chat scripted", "execute_tool pay"]


@dataclass(frozen=True)
class Traced:
    """A worker's telemetry, and what it has let out."""

    exporter: InMemorySpanExporter
    telemetry: Telemetry

    def spans(self) -> list[str]:
        """The names of all spans, sorted."""
        self.telemetry.flush()
        return sorted(span.name for span in self.exporter.get_finished_spans())

    def calls(self) -> list[Mapping[str, object]]:
        """The attributes of our own spans, in the order in which they ended."""
        self.telemetry.flush()
        ours = [span for span in self.exporter.get_finished_spans() if span.name.startswith(("chat", "execute_tool"))]
        return [{"name": span.name, **(span.attributes or {})} for span in ours]


@pytest.fixture(scope="module")
def traced() -> Traced:
    """Telemetry as `detent worker` sets it up, to an exporter that keeps everything."""
    exporter = InMemorySpanExporter()
    return Traced(exporter, tracing(exporter, Redactor(), "test"))


class Forgetful(SimplePlugin):
    """Has the worker replay a run at each of its tasks."""

    def __init__(self) -> None:
        super().__init__("forgetful")

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """No run is kept in memory."""
        config["max_cached_workflows"] = 0
        return config


def _lines(root: Path, runs: Runs) -> tuple[int, int]:
    """How often the provider was asked, and how many effects there were."""
    return len((root / "operator" / "journal.jsonl").read_text().splitlines()), len(runs.effects())


@pytest.mark.parametrize("forgetful", [False, True])
async def test_ten_replays_add_no_span_no_log_line_and_no_cost(
    temporal_server: EmbeddedServer,
    blobs: DirectoryBlobs,
    task_queue: str,
    tmp_path: Path,
    traced: Traced,
    caplog: pytest.LogCaptureFixture,
    *,
    forgetful: bool,
) -> None:
    traced.exporter.clear()
    plugins = (*traced.telemetry.plugins, *([Forgetful()] if forgetful else []))
    client = await connect(Target(temporal_server.address, temporal_server.namespace), blobs, plugins=plugins)
    async with working(client, blobs, task_queue, tmp_path, models=MODELS) as runs:
        run = await runs.start(GRAPH)
        view = await run.closed()
        assert view.phase == "completed"
        history = await run.handle.fetch_history()
        assert [call["name"] for call in traced.calls()] == CALLS
        before = (traced.spans(), _lines(tmp_path, runs))
        caplog.clear()
        replayer = Replayer(
            workflows=list(WORKFLOWS),
            interceptors=[Sealing(require_seal_keys(seal_keys({"DETENT_SEAL_KEY": SEAL_KEY})))],
            plugins=[plugin for plugin in plugins if isinstance(plugin, Plugin)],
            data_converter=converter(blobs),
            workflow_runner=sandboxed(),
        )
        with caplog.at_level(logging.INFO):
            for _ in range(10):
                result = await replayer.replay_workflow(history, raise_on_replay_failure=True)
                assert result.replay_failure is None
        assert (traced.spans(), _lines(tmp_path, runs)) == before
        assert [record for record in caplog.records if record.name != "asyncio"] == []
    again = await run.closed()
    assert again.usage == view.usage


async def test_a_span_says_which_call_it_was_and_what_it_used_and_nothing_of_what_was_said(
    temporal_server: EmbeddedServer, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path, traced: Traced
) -> None:
    traced.exporter.clear()
    where = Target(temporal_server.address, temporal_server.namespace)
    client = await connect(where, blobs, plugins=traced.telemetry.plugins)
    nodes = {
        "think": {"kind": "model", "model": "default", "prompt": "words of a prompt", "next": "try"},
        "try": tool("flaky", "end", {"file": "never"}, on_failure="fail"),
    }
    script = "replies: [{default: true, text: done, usage: {input_tokens: 12, output_tokens: 3}}]"
    async with working(client, blobs, task_queue, tmp_path, script=script) as runs:
        run = await runs.start(graph_of(nodes))
        await run.closed()
    chat, failed = traced.calls()
    assert (chat["gen_ai.operation.name"], chat["gen_ai.provider.name"]) == ("chat", "scripted")
    assert (chat["gen_ai.usage.input_tokens"], chat["gen_ai.usage.output_tokens"]) == (12, 3)
    assert (chat["detent.run"], chat["detent.call"]) == (run.handle.id, "think#1:1")
    assert (failed["gen_ai.tool.name"], failed["detent.attempt"], failed["error.type"]) == ("flaky", 1, "ToolFailed")
    everything = "".join(span.to_json() for span in traced.exporter.get_finished_spans())
    assert "words of a prompt" not in everything
