"""Many questions at once on a real server, answered in any order while the worker is killed."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import yaml
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from tests.support import signers
from tests.support.asking import people
from tests.support.runs import Run
from tests.support.worker_process import WorkerProcess
from workflows.contracts.names import UPDATE_ANSWER, WORKFLOW, workflow_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client

    from workflows.contracts.pause import PauseView

LIMIT_S = 120.0
POLICY = {
    "policy": "asking",
    "version": 1,
    "tenants": {"default": {"allow": [{"tool": ["mark"]}], "budgets": {"tenant": None}}},
    "answerers": people(),
    "triggers": {"on_risky_tool": {"answerers": ["role:operator"]}},
}
GRAPH = {
    "graph": "asking",
    "version": "1.0.0",
    "capabilities": [{"tool": ["mark"]}],
    "start": "each",
    "nodes": {
        "each": {
            "kind": "plan",
            "rules": [{"map": {"over": "${input.n}", "as": "n", "to": "act", "join": "done", "max_concurrency": 50}}],
        },
        "act": {"kind": "tool", "tool": "mark", "with": {"n": "${n}"}},
        "done": {"kind": "wait", "for": "1ms", "next": "end"},
    },
}
MARK = '''"""A tool whose effect is a file by its key: done again it is the same effect, and the line tells."""

import json

from activities.tools.declare import Effect, Risk, ToolContext, tool


@tool("mark", effect=Effect.IDEMPOTENT, risk=Risk.HIGH, timeout="20s")
async def mark(context: ToolContext, n: int) -> dict[str, int]:
    """Leave a line."""
    line = {"n": n, "key": context.idempotency_key}
    with (context.workspace.root / "marks.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\\n")
    return {"n": n}
'''


@dataclass
class Trial:
    """A server's client, a worker to be killed, and what was found to be wrong."""

    client: Client
    worker: WorkerProcess
    faults: list[str] = field(default_factory=list)

    async def round(self, questions: int, kills: int, seed: int) -> int:
        """One run with so many questions; gives how many lines its tool left, of which each must be told of once."""
        chance = random.Random(seed)  # noqa: S311 - any order will do
        run_id = workflow_id("default", "asking", f"{seed}-{uuid.uuid4().hex[:8]}")
        raw = {"v": 1, "graph": GRAPH, "input": {"n": list(range(questions))}}
        started = await self.client.start_workflow(
            WORKFLOW, raw, id=run_id, task_queue=self.worker.task_queue, execution_timeout=timedelta(seconds=LIMIT_S)
        )
        run = Run(started, self.client)
        order = list((await run.until(lambda view: len(view.pauses) == questions)).pauses)
        self.require(not self.marks(), "something was done before it was answered")
        chance.shuffle(order)
        answering = asyncio.gather(*(self._answer(run, pause, chance.uniform(0, 4)) for pause in order))
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.05, 1.0))
            await self.worker.kill()
            await self.worker.start()
        await answering
        view = await run.closed()
        self.require(view.phase == "completed", f"it ended {view.phase}: {view.error}")
        return self._judge(questions)

    def require(self, holds: object, fault: str) -> None:
        """Note a fault unless something holds."""
        if not holds:
            self.faults.append(fault)

    def marks(self) -> list[dict[str, Any]]:
        """What the tool left since the last round."""
        file = self.worker.directory / "workspace" / "marks.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def _judge(self, questions: int) -> int:
        lines = self.marks()
        keys: dict[int, set[str]] = {}
        for line in lines:
            keys.setdefault(line["n"], set()).add(line["key"])
        self.require(sorted(keys) == list(range(questions)), f"done: {sorted(keys)}")
        self.require(all(len(found) == 1 for found in keys.values()), "one question, two effects")
        (self.worker.directory / "workspace" / "marks.jsonl").unlink()
        return len(lines)

    async def _answer(self, run: Run, pause: PauseView, after_s: float) -> None:
        """Say yes until the run has heard it; what it says to a yes that it has heard already is no fault."""
        await asyncio.sleep(after_s)
        now = datetime.now(UTC)
        answer = signers.signed(
            {
                "pause": pause.id,
                "digest": pause.digest,
                "outcome": "approve",
                "by": "ada",
                "issued_at": now.isoformat(),
                "expires_at": (now + timedelta(hours=1)).isoformat(),
            },
            "ada",
        )
        async with asyncio.timeout(LIMIT_S):
            while True:
                try:
                    await run.handle.execute_update(UPDATE_ANSWER, answer, rpc_timeout=timedelta(seconds=5))
                except WorkflowUpdateFailedError as error:
                    self.require("already answered" in str(error.cause), f"{pause.id}: {error.cause}")
                    return
                except (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):  # no worker, for a moment
                    await asyncio.sleep(0.1)
                else:
                    return


@asynccontextmanager
async def approval_trial(client: Client, address: str, task_queue: str, blobs: Path, top: Path) -> AsyncIterator[Trial]:
    """A worker that asks about every call, in a process of its own, until the end of the block."""
    (top / "tools").mkdir(parents=True)
    (top / "tools" / "mark.py").write_text(MARK, encoding="utf-8")
    (top / "policy.yaml").write_text(yaml.safe_dump(POLICY, sort_keys=False), encoding="utf-8")
    (top / "models.yaml").write_text("models: {default: {provider: scripted, script: replies.yaml}}", encoding="utf-8")
    (top / "replies.yaml").write_text("replies: [{default: true, text: done}]", encoding="utf-8")
    worker = WorkerProcess(top, address, client.namespace, task_queue, blobs)
    try:
        await worker.start()
        yield Trial(client, worker)
    finally:
        with suppress(ProcessLookupError):
            await worker.stop()
