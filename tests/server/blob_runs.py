"""Runs in a namespace of their own, with a blob store of their own: nobody else's open runs reach it."""

from __future__ import annotations

import asyncio
import os
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.service import RPCError

from activities.blobs import DirectoryBlobs
from activities.stored_payloads import payloads
from tests.support.runs import graph_of, policy_of, working
from worker.connect import Target, connect
from worker.namespace import prepare_namespace

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from temporalio.client import Client

    from tests.support.runs import Run, Runs
    from worker.server import EmbeddedServer

DAY_S = 86_400.0
AGENT = {
    "kind": "agent",
    "model": "default",
    "instructions": "Be brief.",
    "prompt": "${input.say}",
    "tools": ["note", "risky"],
    "on_limit": "fail",
    "writes": {"text": "${result.text}"},
    "next": "end",
}
SCRIPT = """
replies:
  - when: "turn == 0"
    text: I note it.
    tool_calls: [{name: note, args: {value: "%(noted)s"}}]
  - when: "turn == 1"
    text: Now what people must allow.
    tool_calls: [{name: risky, args: {value: now}}]
  - {default: true, text: done}
"""
"""Two turns and a question to a person, and one turn after it that needs all that was said."""


@dataclass
class BlobRuns:
    """A namespace with a store."""

    client: Client
    store: DirectoryBlobs
    root: Path

    def working(self, noted: str, carry_after: int | None = None, **parts: Any) -> AbstractAsyncContextManager[Runs]:
        """A worker whose agent notes a long text of one letter; each time one that remembers nothing."""
        queue = f"{self.client.namespace}-{noted}"
        script = SCRIPT % {"noted": noted * 3000}
        options: dict[str, Any] = {"policy": policy_of(**parts), "script": script, "carry_after": carry_after}
        return working(self.client, self.store, queue, self.root, operator=noted, **options)

    def age(self, days: float) -> None:
        """Have everything in the store be put so long ago."""
        for path in self.store._root.rglob("*"):
            if path.is_file():
                past = path.stat().st_mtime - days * DAY_S
                os.utime(path, (past, past))

    async def names(self) -> set[str]:
        """Everything in the store."""
        return {found.name async for found in self.store.listing()}

    async def passing(self, run: Run) -> set[str]:
        """Payloads that stand in no history: what a local activity was given, and what a query answered."""
        history = await run.handle.fetch_history()
        told = b"".join(payload.data for event in history.events for payload in payloads(event))
        large = {name for name in await self.names() if name.startswith("sha256/")}
        return {name for name in large if name.removeprefix("sha256/").replace("/", "").encode() not in told}


def agent_graph() -> dict[str, Any]:
    """A graph of one agent."""
    return graph_of({"a": AGENT}, state={"text": {"reducer": "last"}}, output={"text": "${state.text}"})


async def blob_runs(server: EmbeddedServer, root: Path) -> BlobRuns:
    """A fresh namespace on the server that all tests share, and a store in `root`."""
    store = DirectoryBlobs(root / "blobs")
    name = f"blobs-{uuid.uuid4().hex[:12]}"
    shared = await connect(Target(server.address, server.namespace), store)
    retention = Duration()
    retention.FromTimedelta(timedelta(days=1))
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=retention)
    await shared.workflow_service.register_namespace(request)
    (root / "workspace").mkdir(exist_ok=True)
    async with asyncio.timeout(20):
        while True:
            try:
                client = await connect(Target(server.address, name), store)
                await prepare_namespace(client)
                await client.count_workflows("DetentPending > 0")
                return BlobRuns(client, store, root)
            except RPCError:  # the server does not know it everywhere yet
                await asyncio.sleep(0.1)
