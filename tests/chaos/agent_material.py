"""The long conversation of the agents' trial: fifty turns, in each of them effects that may happen once."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from tests.chaos.ground import FILES, MATERIAL

if TYPE_CHECKING:
    from pathlib import Path

TURNS = 50
PAIR_EVERY = 5
"""In every fifth turn there are a reading and two effects, which must come one after the other."""
FINAL = "Everything was paid."


def items(turn: int) -> tuple[str, ...]:
    """The payments of a turn, in order."""
    return (f"t{turn}a", f"t{turn}b") if turn % PAIR_EVERY == 0 else (f"t{turn}a",)


ITEMS = tuple(item for turn in range(TURNS) for item in items(turn))
CALLS = len(ITEMS) + TURNS // PAIR_EVERY


def wanted(turn: int) -> list[dict[str, object]]:
    """The tool calls of a turn."""
    reading: dict[str, object] = {"name": "fs.read", "args": {"path": FILES[turn % len(FILES)]}}
    payments: list[dict[str, object]] = [{"name": "journal.append", "args": {"item": item}} for item in items(turn)]
    return [reading, *payments] if turn % PAIR_EVERY == 0 else payments


def graph() -> dict[str, object]:
    """An agent that reads and pays."""
    return {
        "graph": "payer",
        "version": "1.0.0",
        "state": {"answer": {}, "turns": {}},
        "capabilities": [{"tool": ["fs.read", "journal.append"]}, {"fs.read": ["**"]}, {"model": ["default"]}],
        "start": "pay",
        "nodes": {
            "pay": {
                "kind": "agent",
                "model": "default",
                "instructions": "You pay what is to be paid, each thing once.",
                "prompt": "Pay everything.",
                "tools": ["fs.read", "journal.append"],
                "max_turns": TURNS + 10,
                "max_tool_calls": CALLS + 20,
                "writes": {"answer": "${result.text}", "turns": "${result.turns}"},
                "next": "end",
            }
        },
        "output": {"answer": "${state.answer}", "turns": "${state.turns}"},
    }


def replies() -> dict[str, object]:
    """What the scripted model says; by turn, so that a worker that was restarted goes on where the other one was."""
    turns = [{"when": f"turn == {turn}", "tool_calls": wanted(turn), "delay": "30ms"} for turn in range(TURNS)]
    return {"replies": [*turns, {"default": True, "text": FINAL}]}


def policy() -> dict[str, object]:
    """It allows what the agent does and limits nothing, not even how often it does it."""
    tenant = {
        "allow": [{"tool": ["fs.read", "journal.append"]}, {"fs.read": ["**"]}, {"model": ["*"]}],
        "loop_guard": None,
        "budgets": {
            "execution": {"tokens": None, "cost_usd": None, "wall_clock": None},
            "lifetime": {"tokens": None, "cost_usd": None, "steps": None, "wall_clock": None, "tool_calls": None},
        },
    }
    return {"policy": "chaos-agents", "version": 1, "tenants": {"default": tenant}}


def write(top: Path) -> Path:
    """All of it as files in a directory, with the tools of the other trials."""
    shutil.copytree(MATERIAL / "tools", top / "tools")
    model = {"provider": "scripted", "script": "replies.yaml", "journal": "served.jsonl", "context": 1_000_000}
    files = {"policy": policy(), "models": {"models": {"default": {**model, "max_tokens": 500}}}, "replies": replies()}
    for name, document in files.items():
        (top / f"{name}.yaml").write_text(json.dumps(document), encoding="utf-8")
    return top
