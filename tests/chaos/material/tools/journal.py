"""A tool whose effect can be counted: it appends a line that says with which key it was called."""  # noqa: INP001 - an operator's file is in no package

from __future__ import annotations

import asyncio
import json
import os

from activities.tools.declare import Effect, Risk, ToolContext, tool

BEFORE_S, AFTER_S = 0.08, 0.2
"""Time in which a kill leaves no effect, and time in which it leaves one that nobody has heard of."""


@tool("journal.append", effect=Effect.ONCE, risk=Risk.LOW, timeout="20s")
async def append(context: ToolContext, item: str) -> dict[str, str]:
    """Append one line to the journal; each line is one payment made."""
    await asyncio.sleep(BEFORE_S)
    line = json.dumps({"key": context.idempotency_key, "item": item, "attempt": context.attempt}) + "\n"
    descriptor = os.open(os.environ["CHAOS_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    await asyncio.sleep(AFTER_S)
    return {"item": item}
