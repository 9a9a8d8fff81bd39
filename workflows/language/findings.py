"""Collects the problems of a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.errors import Problem
from workflows.language.plain import children

if TYPE_CHECKING:
    from collections.abc import Iterable


class Findings:
    """Problems, in the order in which they are found; `in_order` puts them in that of the document."""

    __slots__ = ("problems",)

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self.problems: list[Problem] = list(problems)

    def error(self, code: str, path: str, message: str, suggestion: str | None = None) -> None:
        """Note what forbids a run."""
        self.problems.append(Problem(code, message, path, suggestion))

    def warning(self, code: str, path: str, message: str, suggestion: str | None = None) -> None:
        """Note what a person should know, and what forbids nothing."""
        self.problems.append(Problem(code, message, path, suggestion, severity="warning"))

    def not_yet(self, path: str, what: str) -> None:
        """Note what is in the language and does not run in this version."""
        self.error("not_yet", path, f"{what} is not there yet", _LATER)


_LATER: Final = "this version does not run it, and nothing in a graph is ignored"


def in_order(problems: Iterable[Problem], document: object) -> tuple[Problem, ...]:
    """The problems by the place of their paths in the document; each only once."""
    places = _places(document)
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda problem: _place(places, problem.path)))


def _place(places: dict[str, int], path: str) -> int:
    while path and path not in places:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return places.get(path, 0)


def _places(document: object) -> dict[str, int]:
    found: dict[str, int] = {}
    stack: list[tuple[str, object]] = [("", document)]
    while stack:
        path, value = stack.pop()
        found.setdefault(path, len(found))
        stack += reversed(children(value, path))
    return found
