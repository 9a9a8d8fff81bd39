"""Tools whose every execution leaves a line in `effects.jsonl` of the workspace, where a test counts them."""

from __future__ import annotations

import asyncio
import json
import os
import signal

from activities.tools.declare import Effect, Risk, ToolContext, ToolError, need, tool


def _note(context: ToolContext, name: str, value: object) -> None:
    line = {"tool": name, "value": value, "key": context.idempotency_key, "attempt": context.attempt}
    with (context.workspace.root / "effects.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


@tool("note", effect=Effect.IDEMPOTENT, risk=Risk.LOW, timeout="10s")
async def note(context: ToolContext, value: object = None) -> dict[str, object]:
    """Leave a line."""
    _note(context, "note", value)
    return {"value": value}


@tool("risky", effect=Effect.IDEMPOTENT, risk=Risk.HIGH, timeout="10s")
async def risky(context: ToolContext, value: object = None) -> dict[str, object]:
    """Leave a line, for which a person is asked first."""
    _note(context, "risky", value)
    return {"value": value}


@tool("slow", effect=Effect.IDEMPOTENT, risk=Risk.LOW, timeout="30s")
async def slow(context: ToolContext, seconds: float) -> dict[str, object]:
    """Leave a line, then take time."""
    _note(context, "slow", seconds)
    await asyncio.sleep(seconds)
    return {"seconds": seconds}


@tool("gaze", effect=Effect.READ, risk=Risk.LOW, timeout="30s")
async def gaze(context: ToolContext, seconds: float) -> dict[str, object]:
    """Leave a line, then take time; it may be given up."""
    _note(context, "gaze", seconds)
    await asyncio.sleep(seconds)
    return {"seconds": seconds}


@tool("until", effect=Effect.IDEMPOTENT, risk=Risk.LOW, timeout="30s")
async def until(context: ToolContext, file: str) -> dict[str, object]:
    """Leave a line, then wait until a file is there."""
    _note(context, "until", file)
    while not (context.workspace.root / file).exists():  # noqa: ASYNC110 - another process may make it
        await asyncio.sleep(0.02)
    return {"file": file}


@tool("flaky", effect=Effect.IDEMPOTENT, risk=Risk.LOW, timeout="10s")
async def flaky(context: ToolContext, file: str) -> dict[str, object]:
    """Leave a line; fail unless a file is there."""
    _note(context, "flaky", file)
    if not (context.workspace.root / file).exists():
        message = f"`{file}` is not there"
        raise ToolError(message)
    return {"file": file}


@tool("pay", effect=Effect.ONCE, risk=Risk.LOW, timeout="10s")
async def pay(context: ToolContext, usd: int, seconds: float = 0) -> dict[str, object]:
    """Leave a line, then take time; it must never be repeated unasked."""
    _note(context, "pay", usd)
    await asyncio.sleep(seconds)
    return {"paid": usd}


@tool("die", effect=Effect.ONCE, risk=Risk.LOW, timeout="30s")
async def die(context: ToolContext, file: str) -> dict[str, object]:
    """Leave a line; then the worker is gone, unless a file is there."""
    _note(context, "die", file)
    if not (context.workspace.root / file).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return {"file": file}


@tool("large", effect=Effect.READ, risk=Risk.LOW, timeout="10s")
async def large(context: ToolContext, size: int) -> dict[str, object]:
    """Leave a line and give a text of that size."""
    _note(context, "large", size)
    return {"text": "x" * size}


@tool("swallow", effect=Effect.READ, risk=Risk.LOW, timeout="10s", requires=[need("fs.read", arg="path")])
async def swallow(context: ToolContext, path: str, text: str = "") -> dict[str, object]:
    """Leave a line with the size of a text."""
    context.allow_read(path)
    _note(context, "swallow", len(text))
    return {"size": len(text)}
