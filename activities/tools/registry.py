"""The tools of a worker: built in, from the operator's directories, from installed packages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from activities.skills import NO_SKILLS, Shelf
from activities.tools import files, search
from activities.tools.declare import Tool
from activities.tools.loading import Loaded, load_directory, load_entry_points
from activities.tools.skills import skill_tool
from activities.tools.viewing import view
from policies.canonical import digest
from policies.errors import DocumentError, Problem
from workflows.contracts.run import ToolCard

BUILTIN = (files.read, files.write, files.edit, files.list_directory, files.glob, view, search.search)


class Toolbox:
    """Tools by their unique names, in the order of the names."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools = in_order(tools)

    def cards(self) -> Mapping[str, ToolCard]:
        """What runs record of each tool."""
        return {name: tool.card for name, tool in self._tools.items()}

    def get(self, name: str) -> Tool | None:
        """The tool of that name; null if there is none."""
        return self._tools.get(name)

    async def refresh(self) -> None:
        """Look again where the tools come from; those that were put together by hand come from nowhere."""

    @property
    def digest(self) -> str:
        """SHA-256 over the names and digests of all tools, as 64 hex digits."""
        return digest({name: card.digest for name, card in self.cards().items()})


def in_order(tools: Iterable[Tool]) -> dict[str, Tool]:
    """Tools by their names, in the order of the names."""
    return {tool.name: tool for tool in sorted(tools, key=lambda tool: tool.name)}


def load_tools(directories: Sequence[Path] = (), *, entry_points: bool = True, shelf: Shelf = NO_SKILLS) -> Toolbox:
    """The built-in tools and those of the operator: Python files in `directories`, entry points `detent.tools`.

    `shelf` has the skills that `load_skill` reads.

    These files are the worker's own code and run with its rights. `DocumentError` says everything that is
    wrong with them at once; a worker does not start with half of its tools.
    """
    problems: list[Problem] = []
    loaded = load_fixed(entry_points=entry_points, shelf=shelf, problems=problems)
    for directory in directories:
        load_directory(directory, loaded, problems)
    problems += repeated(loaded)
    if problems:
        raise DocumentError(tuple(problems))
    return Toolbox(found.tool for found in loaded)


def load_fixed(*, entry_points: bool, shelf: Shelf, problems: list[Problem]) -> list[Loaded]:
    """The tools that do not change while the worker runs: built in, and from installed packages."""
    loaded = [Loaded(tool, "built in") for tool in (*BUILTIN, skill_tool(shelf))]
    if entry_points:
        load_entry_points(loaded, problems)
    return loaded


def repeated(loaded: Sequence[Loaded]) -> list[Problem]:
    """A problem for each tool whose name another has."""
    first: dict[str, Loaded] = {}
    problems: list[Problem] = []
    for found in loaded:
        other = first.setdefault(found.tool.name, found)
        if other is not found:
            message = f"tool `{found.tool.name}` is declared twice: here and in {other.source}"
            problems.append(Problem("duplicate_tool", message, suggestion="rename one", file=found.source))
    return problems
