"""A run waits for a tool that nobody has, on a real server, over workers that are killed; only its call goes on."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command_line import CommandLine, Done, environ
from tests.support.worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from activities.blobs import DirectoryBlobs
    from worker.server import EmbeddedServer

pytestmark = pytest.mark.server
POLICY: dict[str, Any] = {
    "policy": "gaps",
    "version": 1,
    "tenants": {"default": {"allow": [{"tool": ["*"]}], "budgets": {"tenant": None}}},
}
MARK = '''
from activities.tools.declare import Effect, Risk, ToolContext, tool

@tool("note.mark", effect=Effect.ONCE, risk=Risk.LOW, timeout="5s")
async def mark(context: ToolContext, text: str) -> str:
    """Leave a mark."""
    with open("{journal}", "a", encoding="utf-8") as journal:
        journal.write(text + "\\n")
    return text
'''
COUNT = '''
from activities.tools.declare import Effect, Risk, ToolContext, tool

@tool("late.count", effect=Effect.READ, risk=Risk.LOW, timeout="5s")
async def count(context: ToolContext, x: int) -> int:
    """Count on."""
    return x + {step}
'''


def marking(text: str, after: str) -> dict[str, object]:
    return {"kind": "tool", "tool": "note.mark", "with": {"text": text}, "next": after}


def counting(x: object, after: str) -> dict[str, object]:
    return {"kind": "tool", "tool": "late.count", "with": {"x": x}, "writes": {"sum": "${result}"}, "next": after}


def graph(**nodes: object) -> dict[str, object]:
    """A graph that begins with its first node."""
    return {
        "graph": "lacking",
        "version": "1.0.0",
        "state": {"sum": {}},
        "capabilities": [{"tool": ["note.mark", "late.count"]}],
        "start": next(iter(nodes)),
        "nodes": nodes,
        "output": {"sum": "${state.sum}"},
    }


@dataclass
class Place:
    """A worker whose tools come and change, and the command line beside it."""

    cli: CommandLine
    worker: WorkerProcess
    tools: Path
    journal: Path

    async def said(self, *words: str) -> Done:
        """What the command line says."""
        return await asyncio.to_thread(self.cli, *words)

    async def started(self, document: dict[str, object], key: str) -> str:
        """The id of a run of this graph."""
        file = self.cli.directory / f"{key}.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        done = await self.said("run", str(file), "--allow-gaps", "--key", key, "--detach")
        assert done.returncode == 0, done.stderr
        return f"default/lacking/{key}"

    async def shown(self, run: str, phase: str) -> dict[str, Any]:
        """The run, once it is in this phase."""
        view: dict[str, Any] = {}
        for _ in range(150):
            view = await asyncio.to_thread(self.cli.json, "show", run)
            if view["phase"] == phase:
                return view
            await asyncio.sleep(0.1)
        raise AssertionError(f"{run} is not {phase}: {view}")

    async def lacks(self, run: str) -> list[dict[str, Any]]:
        """What it lacks."""
        found: list[dict[str, Any]] = await asyncio.to_thread(self.cli.json, "gap", "show", run)
        return found

    async def lacking(self, run: str) -> list[dict[str, Any]]:
        """What it lacks, once it lacks something."""
        for _ in range(100):
            if found := await self.lacks(run):
                return found
            await asyncio.sleep(0.1)
        return []

    def marks(self) -> list[str]:
        """What was done."""
        return self.journal.read_text(encoding="utf-8").split() if self.journal.exists() else []

    def bring(self, step: int) -> None:
        """The tool, in a version that counts by so much."""
        draft = self.tools / "count.draft"
        draft.write_text(COUNT.replace("{step}", str(step)), encoding="utf-8")
        draft.rename(self.tools / "count.py")


@pytest.fixture
async def place(
    temporal_server: EmbeddedServer, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> AsyncIterator[Place]:
    tools, journal = tmp_path / "tools", tmp_path / "journal"
    tools.mkdir()
    (tools / "mark.py").write_text(MARK.replace("{journal}", str(journal)), encoding="utf-8")
    (tmp_path / "policy.yaml").write_text(json.dumps(POLICY), encoding="utf-8")
    (tmp_path / "replies.yaml").write_text("replies: [{default: true, text: done}]", encoding="utf-8")
    models = "models: {default: {provider: scripted, script: replies.yaml}}"
    (tmp_path / "models.yaml").write_text(models, encoding="utf-8")
    found = environ(temporal_server.address, task_queue, tmp_path)
    worker = WorkerProcess(tmp_path, temporal_server.address, "default", task_queue, tmp_path / "blobs")
    await worker.start()
    try:
        yield Place(CommandLine(found, tmp_path), worker, tools, journal)
    finally:
        await worker.stop()


async def test_a_run_waits_for_a_tool_over_a_killed_worker_and_only_its_call_goes_on(place: Place) -> None:
    document = graph(one=marking("one", "two"), two=counting(3, "three"), three=marking("three", "end"))
    run = await place.started(document, "waits")
    await place.shown(run, "waiting")
    (asked,) = await place.lacks(run)
    assert (asked["gap"]["name"], asked["gap"]["example"]) == ("late.count", {"x": 3})
    prompt = await place.said("gap", "show", run, "--prompt")
    assert "async def count(context: ToolContext, x: int)" in prompt.stdout

    refused = await place.said("provide", run, "late.count")
    assert refused.returncode == 5
    assert "this worker has no tool `late.count`" in refused.stderr
    await place.worker.kill()
    await place.worker.start()
    (again,) = await place.lacks(run)
    assert (again["id"], again["digest"]) == (asked["id"], asked["digest"])

    made = await place.said("new", "tool", "late.count", "--from-gap", run, "--into", str(place.tools))
    assert made.returncode == 0, made.stderr
    scaffold = place.tools / "late_count.py"
    assert "x: int" in scaffold.read_text(encoding="utf-8")
    scaffold.unlink()
    place.bring(1)
    provided = await place.said("provide", run, "late.count")
    assert provided.returncode == 0, provided.stderr
    view = await place.shown(run, "completed")
    assert view["output"] == {"sum": 4}
    assert place.marks() == ["one", "three"], "nothing that was done is done again"
    assert (await place.said("provide", run, "late.count")).returncode == 8


async def test_a_tool_that_changes_under_a_run_is_asked_about_and_not_run(place: Place) -> None:
    place.bring(1)
    human = {
        "kind": "human",
        "ask": "Go on?",
        "outcomes": ["yes"],
        "routes": {"yes": "again"},
        "deadline": "1h",
        "on_timeout": "abort",
    }
    document = graph(first=counting(1, "stop"), stop=human, again=counting("${state.sum}", "end"))
    for _ in range(100):
        checked = await place.said("tools", "ls", "--tools", str(place.tools))
        if "late.count" in checked.stdout:
            break
    await asyncio.sleep(1.5)  # the worker looks once a second
    run = await place.started(document, "changes")
    await place.shown(run, "waiting")
    place.bring(100)
    await asyncio.sleep(1.5)
    assert (await place.said("answer", run, "yes")).returncode == 0
    (asked,) = await place.lacking(run)
    assert asked["gap"]["kind"] == "tool_changed"
    assert "code: another; what is declared is the same" in asked["gap"]["diff"]
    assert asked["call"]["args"] == {"x": 2}
    provided = await place.said("provide", run, "late.count")
    assert provided.returncode == 0, provided.stderr
    assert (await place.shown(run, "completed"))["output"] == {"sum": 102}


async def test_what_a_person_declines_ends_as_their_no(place: Place) -> None:
    run = await place.started(graph(one=counting(1, "end")), "declined")
    await place.shown(run, "waiting")
    assert (await place.said("answer", run, "decline")).returncode == 0
    view = await place.shown(run, "failed")
    assert view["error"]["type"] == "Declined"


async def test_without_leave_a_run_with_gaps_does_not_start(place: Place) -> None:
    file = place.cli.directory / "strict.json"
    file.write_text(json.dumps(graph(one=counting(1, "end"))), encoding="utf-8")
    done = await place.said("run", str(file), "--key", "strict", "--output", "json")
    assert done.returncode == 7
    assert "`late.count` is not in the catalog" in done.stdout
