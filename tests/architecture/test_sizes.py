"""No file or function grows past what one can hold in the head; nothing is exempt."""

from __future__ import annotations

import ast

from tests.architecture.tree import PACKAGES, modules, parsed, shown

FILE_LINES = 300
TEST_FILE_LINES = 400
FUNCTION_LINES = 40


def long_functions(tree: ast.Module) -> list[str]:
    """Functions longer than allowed, from `def` to their last line, as `name: lines`."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                found.append(f"{node.name}: {lines} lines")
    return found


def too_long(text: str, limit: int) -> bool:
    """Whether a file has more lines than the limit."""
    return len(text.splitlines()) > limit


def test_no_file_is_over_its_limit() -> None:
    sizes = dict.fromkeys(modules(*PACKAGES, "benchmarks", "docs", "examples"), FILE_LINES)
    sizes |= dict.fromkeys(modules("tests"), TEST_FILE_LINES)
    assert [shown(path) for path, limit in sizes.items() if too_long(path.read_text(encoding="utf-8"), limit)] == []


def test_no_function_is_over_its_limit() -> None:
    everywhere = modules(*PACKAGES, "benchmarks", "docs", "examples", "tests")
    assert [f"{shown(path)}: {found}" for path in everywhere for found in long_functions(parsed(path))] == []


def test_the_limits_are_sharp() -> None:
    at_limit = "def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1)
    assert long_functions(ast.parse(at_limit)) == []
    assert long_functions(ast.parse(at_limit + "    x = 1\n")) == ["f: 41 lines"]
    assert not too_long("\n" * FILE_LINES, FILE_LINES)
    assert too_long("\n" * (FILE_LINES + 1), FILE_LINES)
