"""Errors and problems of documents, as lines for people and as JSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.render.text import line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.exits import CommandError
    from policies.errors import Problem

MAX_LINES = 50


def error_lines(error: CommandError) -> list[str]:
    """The message, then a line a problem."""
    lines = [f"error: {line(error.message)}"]
    lines += problem_lines(error.problems)
    return lines


def problem_lines(problems: Iterable[Problem]) -> list[str]:
    """One line a problem, with its place, at most fifty."""
    lines = [problem_line(problem) for problem in problems]
    more = len(lines) - MAX_LINES
    return lines if more <= 0 else [*lines[:MAX_LINES], f"… and {more} more; `--output json` has them all"]


def problem_line(problem: Problem) -> str:
    """`graph.yaml:12:9: nodes.read.with: message; suggestion`, marked if it is only a warning."""
    text = str(problem)
    return line(f"warning: {text}" if problem.severity == "warning" else text)


def problem_object(problem: Problem) -> dict[str, object]:
    """The JSON form of a problem."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "code": problem.code,
        "message": problem.message,
        "suggestion": problem.suggestion,
        "severity": problem.severity,
    }


def error_object(error: CommandError) -> dict[str, object]:
    """The JSON form of an error where no answer can be given."""
    problems = [problem_object(problem) for problem in error.problems]
    return {"error": {"type": error.kind, "message": error.message, "problems": problems}}
