"""Pauses and views as the tests of the command line need them."""

from __future__ import annotations

from typing import Any

from workflows.contracts.pause import PauseView
from workflows.contracts.run import NodeView, RunView

AT = "2026-11-21T06:30:00Z"


def pause(name: str = "p1", **fields: Any) -> PauseView:
    given: dict[str, Any] = {
        "id": name,
        "trigger": "on_human_node",
        "ui": "panel",
        "node": "accept",
        "activation": "accept#1",
        "ask": "Ship it?",
        "outcomes": ("accept", "reject"),
        "digest": "d" * 64,
        "opened_at": AT,
        "on_timeout": "abort",
    }
    return PauseView(**{**given, **fields})


def node(activation: str, status: str = "ok", **fields: Any) -> NodeView:
    branch, _, own = activation.rpartition("/")
    name, _, visit = own.partition("#")
    given: dict[str, Any] = {
        "activation": activation,
        "node": name,
        "kind": "tool",
        "branch": branch,
        "visit": int(visit),
        "status": status,
        "started_at": AT,
        "ended_at": None if status in ("running", "waiting") else "2026-11-21T06:30:01.5Z",
    }
    return NodeView(**{**given, **fields})


def view(phase: str = "running", **fields: Any) -> RunView:
    given: dict[str, Any] = {
        "id": "default/g/k",
        "run_id": "r",
        "graph": "g",
        "version": "1.0.0",
        "tenant": "default",
        "phase": phase,
        "started_at": AT,
    }
    return RunView(**{**given, **fields})
