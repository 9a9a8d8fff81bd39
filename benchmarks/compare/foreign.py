"""The other frameworks' sides of the comparison: a worker process each, on the ground's server."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.compare.histories import Held, hold
from benchmarks.ground import READY_S, ROOT
from worker.child import spawn, stop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from benchmarks.ground import Ground


@dataclass(frozen=True, slots=True)
class Framework:
    """One of them: what it is called, its program, its workflow, and how the type of its model's activity begins."""

    name: str
    module: str
    workflow: str
    model: str


FRAMEWORKS = (
    Framework(
        "pydantic-ai TemporalAgent", "benchmarks.compare.pydantic_side", "PydanticSide", "agent__reader__model_request"
    ),
    Framework("openai-agents plugin", "benchmarks.compare.openai_side", "OpenAISide", "invoke_model_activity"),
    Framework(
        "pydantic-ai TemporalDurability",
        "benchmarks.compare.durability_side",
        "DurabilitySide",
        "agent__reader__model_request",
    ),
)


@contextlib.asynccontextmanager
async def serving(at: Ground, framework: Framework, python: Path, log: Path) -> AsyncIterator[None]:
    """Its worker, from polling until it is killed; what it says goes into the log."""
    reading, writing = os.pipe()
    environ = {
        **os.environ,
        "TEMPORAL_ADDRESS": at.server.address,
        "COMPARE_QUEUE": framework.workflow,
        "COMPARE_READY_FD": str(writing),
        "OPENAI_AGENTS_DISABLE_TRACING": "1",
    }
    with log.open("ab") as file:
        line = (str(python), "-m", framework.module)
        process = await spawn(line, file.fileno(), environ, keep=(writing,), directory=ROOT)
    os.close(writing)
    try:
        if not await asyncio.wait_for(asyncio.to_thread(os.read, reading, 16), READY_S):
            raise SystemExit(f"{framework.name} did not start:\n{_tail(log)}")
        yield
    finally:
        os.close(reading)
        await stop(process, 0)


async def converse(at: Ground, framework: Framework, turns: int, limit_s: float) -> Held:
    """Hold the conversation with so many turns."""
    run = f"{framework.workflow}-{turns}"
    handle = await at.client.start_workflow(framework.workflow, turns, id=run, task_queue=framework.workflow)
    held = Held(framework.name, turns)
    await hold(held, handle, at.client, framework.model, limit_s)
    return held


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]
