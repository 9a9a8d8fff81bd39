"""Effects leave by one door: one module schedules activities, and one makes calls for it to schedule."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.architecture.tree import PACKAGES, ROOT, modules, parsed, shown

if TYPE_CHECKING:
    from pathlib import Path

SCHEDULES = re.compile(
    r"(start|execute)_(local_)?activity(_class|_method)?|(start|execute)_child_workflow|(start|execute)_operation"
)
SCHEDULER = "workflows/shell/perform.py"
MAKERS = {"StartCall": "workflows/engine/gate.py", "Probe": "workflows/engine/providing.py"}


def scheduling(tree: ast.Module) -> list[str]:
    """The names in a module that schedule work at Temporal, reached as attributes or imported."""
    attributes = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and not _hands_on(node)]
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    return sorted(name for name in attributes + imported if SCHEDULES.fullmatch(name))


def _hands_on(node: ast.Attribute) -> bool:
    """An interceptor's `self.next.…`: it passes on what the scheduler asked for, and can ask for nothing by itself."""
    inner = node.value
    return isinstance(inner, ast.Attribute) and inner.attr == "next" and isinstance(inner.value, ast.Name)


def made(tree: ast.Module, name: str) -> int:
    """How often a module calls the constructor `name`, under that name or an alias."""
    names = {name} | {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == name and alias.asname
    }
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return sum(
        (isinstance(func, ast.Name) and func.id in names) or (isinstance(func, ast.Attribute) and func.attr == name)
        for func in calls
    )


def _all_but(door: str) -> list[Path]:
    return [path for path in modules(*PACKAGES) if path != ROOT / door]


def test_only_the_scheduler_schedules() -> None:
    assert [f"{shown(path)}: {name}" for path in _all_but(SCHEDULER) for name in scheduling(parsed(path))] == []


@pytest.mark.parametrize(("command", "door"), MAKERS.items())
def test_only_the_gate_makes_calls(command: str, door: str) -> None:
    assert [shown(path) for path in _all_but(door) if made(parsed(path), command)] == []


@pytest.mark.parametrize(
    "source",
    [
        "workflow.start_activity('x')",
        "from temporalio import workflow as w\nrun = w.execute_local_activity",
        "from temporalio.workflow import execute_child_workflow",
        "await client.execute_activity('x')",
        "self.other.start_activity(given)",
    ],
)
def test_scheduling_elsewhere_is_seen(source: str) -> None:
    assert scheduling(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "StartCall(call='x')",
        "commands.StartCall(call='x')",
        "from workflows.engine.commands import StartCall as S\nS()",
    ],
)
def test_a_call_made_elsewhere_is_seen(source: str) -> None:
    assert made(ast.parse(source), "StartCall") == 1
