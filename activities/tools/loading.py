"""Loading the operator's tools, with the place of whatever is wrong in them."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.machinery
import importlib.metadata
import importlib.util
import io
import linecache
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

from activities.tools.declare import FILE_DIGEST, BadDeclaration, Tool
from policies.errors import Problem

GROUP = "detent.tools"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A tool and where it comes from, for people."""

    tool: Tool
    source: str


def load_directory(directory: Path, loaded: list[Loaded], problems: list[Problem]) -> None:
    """Add the tools of every `*.py` in a directory, by name; files whose names start with `_` are left out."""
    problems += missing_directories([directory])
    for path in files_of(directory):
        load_file(path, loaded, problems)


def files_of(directory: Path) -> list[Path]:
    """The files of a directory that have tools in them, by name."""
    return [path for path in sorted(directory.glob("*.py")) if not path.name.startswith("_")]


def missing_directories(directories: Iterable[Path]) -> list[Problem]:
    """A problem for each directory that is none."""
    missing = [directory for directory in directories if not directory.is_dir()]
    return [Problem("no_directory", "there is no such directory of tools", file=str(path)) for path in missing]


def load_entry_points(loaded: list[Loaded], problems: list[Problem]) -> None:
    """Add the tools that installed packages offer as a tool, a list of them, or a module that has some."""
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        source = f"entry point {point.name} = {point.value}"
        try:
            offered = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - code of others, of which anything may come
            problems.append(_problem(error, source, None))
            continue
        _add(_tools_of(offered), source, loaded, problems)


def load_file(path: Path, loaded: list[Loaded], problems: list[Problem]) -> None:
    """Add the tools of one file, as it is now."""
    try:
        module = _execute(path)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the operator's code, of which anything may come
        problems.append(_problem(error, str(path), path))
        return
    _add(_tools_of(module), str(path), loaded, problems)


def _execute(path: Path) -> ModuleType:
    """Run a file as a module under a name that no package has; found under it later by pydantic and pickle."""
    name = f"detent_tools_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
    loader = _Source(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        if before is not None:  # the last good version is still in use
            sys.modules[name] = before
        raise
    vars(module)[FILE_DIGEST] = loader.digest
    return module


class _Source(importlib.machinery.SourceFileLoader):
    """Loads what the file says now: compiled files are known by seconds, and a change may come within one."""

    digest = ""

    def get_code(self, fullname: str) -> CodeType | None:
        """Compile the source; nothing compiled is read, or left beside it."""
        del fullname
        data = self.get_data(self.path)
        self.digest = hashlib.sha256(data).hexdigest()
        _remember(self.path, data)
        return self.source_to_code(data, self.path)


def _remember(path: str, data: bytes) -> None:
    """Have `inspect`, which makes a tool's digest, see what is executed, whatever the file says by then.

    It would read the file again, or not even that where size and time are as they were: a run would take another
    tool for the one that it has pinned.
    """
    with contextlib.suppress(SyntaxError, UnicodeError):  # compiling it says so, in better words
        lines = list(io.StringIO(importlib.util.decode_source(data)))  # a line ends where Python's own does
        linecache.cache[path] = (len(data), None, lines, path)


def _tools_of(offered: object) -> list[Tool]:
    if isinstance(offered, Tool):
        return [offered]
    values: Iterable[object] = vars(offered).values() if isinstance(offered, ModuleType) else ()
    if isinstance(offered, list | tuple):
        values = offered
    return [value for value in values if isinstance(value, Tool)]


def _add(tools: list[Tool], source: str, loaded: list[Loaded], problems: list[Problem]) -> None:
    """Reading a tool's source, for its digest, may fail too, and should now rather than in a run."""
    if not tools:
        hint = "declare one with `@tool`, or start the file's name with `_`"
        problems.append(Problem("no_tool", "there is no tool in it", suggestion=hint, file=source))
    for tool in tools:
        try:
            _ = tool.card
        except BadDeclaration as error:
            problems.append(_problem(error, source, None))
        else:
            loaded.append(Loaded(tool, source))


def _problem(error: BaseException, source: str, path: Path | None) -> Problem:
    """What went wrong, at the last line of the file itself that was being executed."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return Problem("broken_tool", f"syntax error: {error.msg}", file=source, line=error.lineno, column=error.offset)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    words = str(error) if isinstance(error, BadDeclaration) else f"{type(error).__name__}: {error}"
    return Problem("broken_tool", words, file=source, line=lines[-1] if lines else None)
