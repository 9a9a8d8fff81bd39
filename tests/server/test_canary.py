"""A canary is a model's key; a hostile provider and a tool tell it at every chance; nobody outside ever reads it."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import yaml
from temporalio.client import WorkflowHandle

from activities.blobs import DirectoryBlobs
from tests.support.anthropic_server import Answer, AnthropicServer
from tests.support.command_line import CommandLine, environ
from tests.support.worker_process import SEAL_KEY, WorkerProcess
from worker.connect import Target, connect
from workflows.contracts.names import UPDATE_ANSWER, WORKFLOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.server.conftest import TemporalCommand
    from worker.server import EmbeddedServer

pytestmark = pytest.mark.server
KEY = "sk-ant-canary-7f3a9c21+/=plain"
FORMS = (KEY, quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode(), SEAL_KEY)
ECHO = Answer(
    parts=[f"key {KEY[:9]}", f"{KEY[9:]} and ", FORMS[1][:20], f"{FORMS[1][20:]} or {FORMS[2]}", " end"],
    pause_s=0.3,
    headers={"request-id": KEY, "x-told": KEY},
)
REFUSED = Answer(status=400, message=f"bad key {' '.join(FORMS)}", headers={"retry-after": KEY})
TOOLS = '''"""A tool that tells its environment."""

import asyncio
import logging
import os

from activities.tools.declare import Effect, Risk, ToolContext, ToolError, tool


@tool("leak.env", effect=Effect.READ, risk=Risk.LOW, timeout="10s")
async def leak(context: ToolContext, how: str) -> dict[str, object]:
    """Leak."""
    told = " ".join(f"{name}={value}" for name, value in os.environ.items() if name != "PATH")
    logging.getLogger("leak").error("told %s", told)
    for _ in range(4):
        context.heartbeat({"told": told})
        await asyncio.sleep(0.1)
    if how == "error":
        raise ToolError(f"cannot: {told}")
    if how == "bug":
        raise KeyError(told)
    return {"told": told, "more": f"{os.environ['CANARY_KEY']} " * (4000 if how == "big" else 1)}
'''
NODES: dict[str, object] = {
    "leak": {
        "kind": "tool",
        "tool": "leak.env",
        "with": {"how": "plain"},
        "writes": {"a": "${result.told}"},
        "next": "big",
    },
    "big": {
        "kind": "tool",
        "tool": "leak.env",
        "with": {"how": "big"},
        "writes": {"b": "${result.more}"},
        "next": "error",
    },
    "error": {"kind": "tool", "tool": "leak.env", "with": {"how": "error"}, "next": "bug", "on_failure": {"to": "bug"}},
    "bug": {
        "kind": "tool",
        "tool": "leak.env",
        "with": {"how": "bug"},
        "retry": {"max_attempts": 1},
        "next": "ask",
        "on_failure": {"to": "ask"},
    },
    "ask": {"kind": "model", "model": "default", "prompt": "Hi", "writes": {"c": "${result.text}"}, "next": "bad"},
    "bad": {"kind": "model", "model": "default", "prompt": "Hi", "next": "person", "on_failure": {"to": "person"}},
    "person": {
        "kind": "human",
        "ask": "Is ${state.c} fine?",
        "show": "${json(state)}",
        "outcomes": ["fine"],
        "routes": {"fine": "last"},
    },
    "last": {"kind": "model", "model": "default", "prompt": "${state.c}", "next": "end", "on_failure": "fail"},
}
GRAPH: dict[str, object] = {
    "graph": "canary",
    "version": "1.0.0",
    "capabilities": [{"tool": ["leak.env"]}, {"model": ["*"]}],
    "state": {"a": {"reducer": "last"}, "b": {"reducer": "last"}, "c": {"reducer": "last"}},
    "start": "leak",
    "nodes": NODES,
    "output": {"a": "${state.a}", "c": "${state.c}"},
}
POLICY = {
    "policy": "canary",
    "version": 1,
    "tenants": {
        "default": {
            "allow": [
                {"model": ["*"]},
                {"tool": ["**"]},
                {"env": [{"name": "CANARY_KEY", "hosts": ["127.0.0.1"]}]},
            ]
        }
    },
}


def assert_clean(what: str, *texts: object) -> None:
    for text in map(str, texts):
        for form in FORMS:
            assert form not in text, f"{what}: {text[max(0, text.find(form) - 200) : text.find(form) + 20]}"


@pytest.fixture
async def hostile() -> AsyncIterator[AnthropicServer]:
    async with AnthropicServer(ECHO, REFUSED) as server:
        yield server


@pytest.fixture
async def worker(
    temporal_server: EmbeddedServer, task_queue: str, tmp_path: Path, hostile: AnthropicServer
) -> AsyncIterator[WorkerProcess]:
    """A worker with the canary in its environment, in a process whose log is a file."""
    entry = {"provider": "anthropic", "model": "claude-haiku-4-5", "base_url": hostile.url, "api_key": "env:CANARY_KEY"}
    for name, data in (("policy", POLICY), ("models", {"models": {"default": entry}})):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "leak.py").write_text(TOOLS, encoding="utf-8")
    address, namespace = temporal_server.address, temporal_server.namespace
    found = WorkerProcess(tmp_path, address, namespace, task_queue, tmp_path / "blobs", {"CANARY_KEY": KEY})
    try:
        await found.start()
        yield found
    finally:
        await found.stop()


class Ears:
    """Everything that the server says of a run while it goes on."""

    def __init__(self, handle: WorkflowHandle[Any, Any]) -> None:
        self.heard: set[str] = set()
        self._handle = handle

    async def listen(self) -> None:
        while True:
            found = (await self._handle.describe()).raw_description
            for pending in found.pending_activities:
                self.heard |= {str(payload.data) for payload in pending.heartbeat_details.payloads}
                self.heard.add(str(pending.last_failure))
            await asyncio.sleep(0.05)


async def test_the_canary_is_nowhere(
    temporal_server: EmbeddedServer,
    temporal: TemporalCommand,
    worker: WorkerProcess,
    hostile: AnthropicServer,
    tmp_path: Path,
) -> None:
    run = f"default/canary/{worker.task_queue}"
    client = await connect(Target(temporal_server.address, temporal_server.namespace), DirectoryBlobs(worker.blobs))
    handle: WorkflowHandle[Any, Any] = await client.start_workflow(
        WORKFLOW, {"v": 1, "graph": GRAPH, "input": {}}, id=run, task_queue=worker.task_queue
    )
    cli = CommandLine(environ(temporal_server.address, worker.task_queue, tmp_path), tmp_path)
    watching = await asyncio.to_thread(cli.start, "watch", run)
    ears = Ears(handle)
    listening = asyncio.create_task(ears.listen())
    await _until_asked(handle)
    assert_clean("current details", await temporal.metadata(run))
    assert_clean("pending", *(await _said(cli, "pending", run)), *(await _said(cli, "show", run, "--full")))
    (pause,) = await handle.query("pauses")
    await handle.execute_update(UPDATE_ANSWER, {"v": 1, "pause": pause["id"], "outcome": "fine", "by": "ann"})
    out, err = await asyncio.to_thread(_ended, watching)
    listening.cancel()

    assert "authorization" in hostile.requests[0].headers
    assert KEY in hostile.requests[0].headers["authorization"]
    assert any("[redacted]" in text for text in ears.heard), "no heartbeat was told"
    assert_clean("heartbeats and pending failures", *ears.heard)
    assert_clean("watch", out, err)
    for words in (("show", run, "--full"), ("show", run, "--output", "json"), ("ls",)):
        assert_clean(" ".join(words), *(await _said(cli, *words)))
    await _check_records(handle, cli, run)
    log = worker.log.read_text(encoding="utf-8")
    assert "ERROR leak: told" in log
    assert "[redacted]" in log
    assert_clean("the worker's log", log)


async def _check_records(handle: WorkflowHandle[Any, Any], cli: CommandLine, run: str) -> None:
    description = (await handle.describe()).raw_description
    assert_clean("memo and search attributes", description)
    events = [str(event) async for event in handle.fetch_history_events()]
    assert sum("[redacted]" in event for event in events) > 5
    assert_clean("history", *events)
    blobs = [file.read_bytes() for file in (cli.directory / "blobs").rglob("*") if file.is_file()]
    assert any(b"[redacted]" in data for data in blobs), "no large result was stored"
    assert_clean("blobs", *blobs)
    exported = cli.directory / "history.json"
    await _said(cli, "history", run, "-o", str(exported))
    history = exported.read_text(encoding="utf-8")
    assert_clean("exported history", history, *_payloads(json.loads(history)))


def _payloads(value: object) -> list[str]:
    """Every payload in a JSON history, decoded."""
    if isinstance(value, dict):
        mine = [base64.b64decode(value["data"]).decode(errors="replace")] if isinstance(value.get("data"), str) else []
        return mine + [text for item in value.values() for text in _payloads(item)]
    return [text for item in value for text in _payloads(item)] if isinstance(value, list) else []


async def _until_asked(handle: WorkflowHandle[Any, Any]) -> None:
    async with asyncio.timeout(60):
        while not await _pauses(handle):  # noqa: ASYNC110 - another process opens one
            await asyncio.sleep(0.1)


async def _pauses(handle: WorkflowHandle[Any, Any]) -> list[object]:
    found: list[object] = await handle.query("pauses")
    return found


async def _said(cli: CommandLine, *words: str) -> tuple[str, str]:
    done = await asyncio.to_thread(cli.start, *words)
    return await asyncio.to_thread(_ended, done)


def _ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    return process.communicate(timeout=60)
