"""Fan-outs against a cap on a real server: what the scripted provider's journal says, run by run.

The journal has a line per call that was really served, written before the first part of the answer leaves. Workers
are killed by SIGKILL, streams cut, requests refused, histories carried over; a run keeps its budget if its lines
sum to at most its cap, and to at most what it says it used.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from temporalio.client import WorkflowFailureError

from cli.closed import closed_view
from cli.cluster import Cluster
from cli.start import Start, start
from tests.support.fan_out import BRANCHES, CAP_NANO, CAP_USD, GRAPH, TENANT
from tests.support.worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.client import Client

    from workflows.contracts.run import RunView

LIMIT_S = 180.0
CARRY_AFTER_EVENTS = "150"
KINDS = ("whole", "short", "busy", "limit", "cut", "slow", "over")
REPLIES: list[dict[str, object]] = [
    {"when": "prompt.contains('busy')", "error": {"status": 529, "retry_after": "100ms"}, "times": 6},
    {"when": "prompt.contains('limit')", "error": {"status": 429}, "times": 4},
    {"when": "prompt.contains('cut')", "text": "c" * 12_000, "cut": True, "delay": "100ms", "times": 4},
    {"when": "prompt.contains('over')", "text": "o", "usage": {"input_tokens": 30, "output_tokens": 9000}, "times": 1},
    {"when": "prompt.contains('More')", "text": "m" * 800, "delay": "30ms"},
    {"when": "prompt.contains('whole')", "text": "w" * 20_000, "delay": "150ms"},
    {"when": "prompt.contains('slow')", "text": "s" * 6_000, "delay": "800ms"},
    {"default": True, "text": "d" * 3_000, "delay": "60ms"},
]
MODEL = {
    "provider": "scripted",
    "script": "replies.yaml",
    "journal": "served.jsonl",
    "context": 20_000,
    "max_tokens": 4096,
    "price": {"input": 3, "output": 15},
}
POLICY = {
    "policy": "cap",
    "version": 1,
    "tenants": {
        "default": {
            "allow": [{"model": ["*"]}, {"tool": ["pure"]}],
            "budgets": {**TENANT, "tenant": None},
        }
    },
}
PURE = '''"""The tool of the join."""

from activities.tools.declare import Effect, Risk, ToolContext, tool


@tool("pure", effect=Effect.NONE, risk=Risk.LOW, timeout="5s")
async def pure(context: ToolContext, x: int) -> dict[str, int]:
    """Give it back."""
    return {"x": x}
'''


@dataclass
class Told:
    """One run: how it ended, what it says it used beside what was served for it, and everything that is wrong."""

    run: str
    phase: str = "?"
    used_nano: int = 0
    overrun_nano: int = 0
    served_nano: int = 0
    calls: int = 0
    histories: int = 0
    faults: list[str] = field(default_factory=list)

    def require(self, holds: object, fault: str) -> None:
        """Note a fault unless something holds."""
        if not holds:
            self.faults.append(f"{self.run}: {fault}")


@dataclass
class Trial:
    """A place for schedules: a server's client, and a worker to be killed."""

    client: Client
    address: str
    worker: WorkerProcess

    async def schedules(self, seeds: list[int], kills: int) -> list[Told]:
        """Runs of these seeds, all at once, while the worker is killed so often."""
        chance = random.Random(seeds[0])  # noqa: S311 - moments, not secrets
        runs = await asyncio.gather(*(self._start(seed) for seed in seeds))
        endings = asyncio.gather(*(self._end(run) for run in runs))
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.05, 2.5))
            await self.worker.kill()
            await self.worker.start()
        await endings
        return [await self._told(run) for run in runs]

    async def _start(self, seed: int) -> str:
        chance = random.Random(seed)  # noqa: S311 - as above
        weights = [chance.random() ** 2 for _ in KINDS[:-1]] + [0.01 * chance.randrange(4)]
        items = [f"{kind} {number}" for number, kind in enumerate(chance.choices(KINDS, weights, k=BRANCHES))]
        cluster = Cluster(self.client, self.worker.task_queue, self.address)
        graph = {**GRAPH, "input": {"type": "object"}}
        return (await start(cluster, Start(graph, {"items": items}, None, f"{seed}-{uuid.uuid4().hex[:8]}"))).id

    async def _end(self, run: str) -> None:
        try:
            await asyncio.wait_for(self.client.get_workflow_handle(run).result(), LIMIT_S)
        except WorkflowFailureError:
            return

    async def _told(self, run: str) -> Told:
        view = await closed_view(self.client, await self.client.get_workflow_handle(run).describe())
        told = Told(run, view.phase)
        keys = await self._keys(told)
        lines = [line for line in self._journal() if line["key"] in keys and line["billed"]]
        told.served_nano = sum(line["usage"]["cost_nano"] for line in lines)
        _judge(told, view, Counter(str(line["key"]) for line in lines))
        return told

    async def _keys(self, told: Told) -> set[str]:
        """The keys of all calls that the run asked for, in each of its histories."""
        handle = self.client.get_workflow_handle(told.run)
        run_id: str | None = (await handle.describe()).raw_description.workflow_execution_info.first_run_id
        keys: set[str] = set()
        while run_id:
            told.histories += 1
            events = self.client.get_workflow_handle(told.run, run_id=run_id).fetch_history_events()
            found = [event async for event in events]
            for event in found:
                keys |= await self._key(event)
            run_id = found[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id or None
        told.calls = len(keys)
        return keys

    async def _key(self, event: HistoryEvent) -> set[str]:
        if not event.HasField("activity_task_scheduled_event_attributes"):
            return set()
        asked = event.activity_task_scheduled_event_attributes
        if not asked.activity_type.name.startswith("model."):
            return set()
        (call,) = await self.client.data_converter.decode(asked.input.payloads)
        return {str(call["key"])}

    def _journal(self) -> list[dict[str, Any]]:
        file = self.worker.directory / "served.jsonl"
        return [json.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []


def _judge(told: Told, view: RunView, bills: Counter[str]) -> None:
    lifetime = view.budget["lifetime"]
    told.used_nano = round(lifetime.used.get("cost_usd", 0) * CAP_NANO / CAP_USD)
    told.overrun_nano = round(lifetime.overrun.get("cost_usd", 0) * CAP_NANO / CAP_USD)
    cap = CAP_NANO + told.overrun_nano
    told.require(view.phase in ("completed", "failed"), f"it ended {view.phase}: {view.error}")
    told.require(view.phase != "failed" or (view.error and view.error.type == "BudgetExceeded"), f"{view.error}")
    told.require(told.served_nano <= cap, f"{told.served_nano} nano-dollars were served, the cap is {cap}")
    told.require(told.served_nano <= told.used_nano, f"{told.served_nano} were served, it knows {told.used_nano}")
    told.require(told.used_nano <= cap, f"it says it used {told.used_nano}, the cap is {cap}")
    told.require(max(bills.values(), default=0) <= 1, f"a call was billed twice: {bills.most_common(2)}")
    told.require(bills, "nothing was served")


@asynccontextmanager
async def budget_trial(client: Client, address: str, task_queue: str, blobs: Path, top: Path) -> AsyncIterator[Trial]:
    """A worker with the cap, the provider and its journal in a directory, until the end of the block."""
    (top / "tools").mkdir(parents=True)
    (top / "tools" / "pure.py").write_text(PURE, encoding="utf-8")
    for name, data in (
        ("policy", POLICY),
        ("models", {"models": {"default": MODEL}}),
        ("replies", {"replies": REPLIES}),
    ):
        (top / f"{name}.yaml").write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    environ = {"DETENT_CARRY_AFTER_EVENTS": CARRY_AFTER_EVENTS}
    worker = WorkerProcess(top, address, client.namespace, task_queue, blobs, environ)
    try:
        await worker.start()
        yield Trial(client, address, worker)
    finally:
        await worker.stop()
