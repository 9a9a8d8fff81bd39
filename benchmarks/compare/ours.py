"""Our side of the comparison: an agent node with one tool, on a worker process like any other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.compare import conversation
from benchmarks.compare.histories import Held, hold

if TYPE_CHECKING:
    from benchmarks.ground import Ground

NAME = "detent"
QUEUE = "bench-agents"
MODEL = "model."
TOOLS = Path(__file__).resolve().parent / "tools"
CONTEXT_TOKENS = 200_000
"""As models have it: 200 turns fit in, 2,000 are summed up again and again on their way."""
SUMMARY = "The pages so far say that the harbour silts up, and what was done about it."


def with_reader(at: Ground, scratch: Path, lengths: tuple[int, ...]) -> Ground:
    """The ground with the tool and a scripted model for each length of the conversation."""
    models: dict[str, object] = {}
    for turns in lengths:
        script = scratch / f"replies{turns}.yaml"
        script.write_text(json.dumps({"replies": replies(turns)}), encoding="utf-8")
        models[alias(turns)] = {"provider": "scripted", "script": script.name, "context": CONTEXT_TOKENS}
    file = scratch / "models.yaml"
    file.write_text(json.dumps({"models": models}), encoding="utf-8")
    return replace(at, settings=replace(at.settings, tools=(TOOLS,), models=file))


def replies(turns: int) -> list[dict[str, object]]:
    """So many calls, then the answer; summaries where they are asked for."""
    call = {"name": conversation.TOOL, "args": conversation.ARGUMENTS}
    return [
        {"when": "compacting", "text": SUMMARY},
        {"default": True, "tool_calls": [call], "times": turns},
        {"default": True, "text": conversation.FINAL},
    ]


def alias(turns: int) -> str:
    """The model that asks for so many pages."""
    return f"pages{turns}"


def graph(turns: int) -> dict[str, object]:
    """An agent that reads so many pages."""
    return {
        "graph": "reader",
        "version": "1.0.0",
        "state": {"answer": {}},
        "capabilities": [{"tool": [conversation.TOOL]}, {"model": [alias(turns)]}],
        "start": "read",
        "nodes": {
            "read": {
                "kind": "agent",
                "model": alias(turns),
                "instructions": conversation.SYSTEM,
                "prompt": conversation.prompt(turns),
                "tools": [conversation.TOOL],
                "max_turns": turns + 1,
                "max_tool_calls": turns,
                "writes": {"answer": "${result.text}"},
                "next": "end",
            }
        },
        "output": "${state.answer}",
    }


async def converse(at: Ground, turns: int, limit_s: float) -> Held:
    """Hold the conversation with so many turns."""
    held = Held(NAME, turns, content_bytes=content_bytes(turns))
    before = blob_bytes(Path(at.settings.blobs))
    handle = await at.start(graph(turns), QUEUE)
    await hold(held, handle, at.client, MODEL, limit_s)
    held.blob_bytes = blob_bytes(Path(at.settings.blobs)) - before
    return held


def content_bytes(turns: int) -> int:
    """What was said in a conversation: system, prompt, every call's name and arguments, every result, the answer."""
    call = len(conversation.TOOL) + len(json.dumps(conversation.ARGUMENTS))
    around = len(conversation.SYSTEM) + len(conversation.prompt(turns)) + len(conversation.FINAL)
    return around + turns * (call + conversation.RESULT_CHARS)


def blob_bytes(place: Path) -> int:
    """Bytes of all files of a blob store."""
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
