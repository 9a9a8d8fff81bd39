"""Tools that come, change and go while the worker runs: the operator's directories, looked at again and again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from activities.skills import NO_SKILLS, Shelf
from activities.tools.loading import Loaded, files_of, load_file, missing_directories
from activities.tools.registry import Toolbox, in_order, load_fixed, repeated
from policies.errors import DocumentError, Problem
from workflows.contracts.run import ToolCard

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0

Stamp = tuple[int, int, int, int]
"""What a file's change is known by: when it was written and moved, its size, which file it is."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was last looked at, and the tools of its last good version."""

    stamp: Stamp
    loaded: tuple[Loaded, ...] = ()


class LiveToolbox(Toolbox):
    """A toolbox whose files are loaded when they change. A broken file is said once, and its last good version kept.

    What calls hold of it is one tool at a time, so a swap never changes a call under way.
    """

    def __init__(self, directories: Sequence[Path], *, entry_points: bool = True, shelf: Shelf = NO_SKILLS) -> None:
        """Load everything once; `DocumentError` for whatever is wrong then, as `load_tools` has it."""
        problems = missing_directories(directories)
        self._directories = tuple(directories)
        self._fixed = tuple(load_fixed(entry_points=entry_points, shelf=shelf, problems=problems))
        self._files: dict[Path, _File] = {}
        self._looking = threading.Lock()
        self._heard: list[Callable[[], None]] = []
        for path, stamp in self._stamps():
            loaded: list[Loaded] = []
            load_file(path, loaded, problems)
            self._files[path] = _File(stamp, tuple(loaded))
        problems += repeated(self._loaded())
        if problems:
            raise DocumentError(tuple(problems))
        super().__init__(found.tool for found in self._loaded())

    def on_change(self, heard: Callable[[], None]) -> None:
        """Call this, on the event loop, whenever tools have come, changed or gone."""
        self._heard.append(heard)

    async def refresh(self) -> None:
        """Look again; files are read, and their code run, off the event loop."""
        if await asyncio.to_thread(self.look):
            for heard in self._heard:
                heard()

    def look(self) -> bool:
        """Load what has changed since the last look; whether anything has."""
        with self._looking:
            stamps = dict(self._stamps())
            changed = [
                path for path, stamp in stamps.items() if path not in self._files or self._files[path].stamp != stamp
            ]
            gone = [path for path in self._files if path not in stamps]
            for path in gone:
                log.info("tools: %s is gone, and its tools with it", path)
                del self._files[path]
            for path in changed:
                self._files[path] = self._load(path, stamps[path])
            if changed or gone:
                self._swap()
            return bool(changed or gone)

    def _stamps(self) -> Iterator[tuple[Path, Stamp]]:
        """The files there are. Those of a directory that is not there at the moment count as they were."""
        for directory in self._directories:
            if not directory.is_dir():
                yield from ((path, file.stamp) for path, file in self._files.items() if path.parent == directory)
                continue
            for path in files_of(directory):
                with contextlib.suppress(OSError):  # it was there a moment ago
                    found = path.stat()
                    yield path, (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)

    def _load(self, path: Path, stamp: Stamp) -> _File:
        before = self._files.get(path)
        kept = before.loaded if before else ()
        loaded: list[Loaded] = []
        problems: list[Problem] = []
        load_file(path, loaded, problems)
        problems += self._clashes(path, loaded)
        for problem in problems:
            log.error("tools: %s: %s", problem, "its last good version is kept" if kept else "it is left out")
        return _File(stamp, kept if problems else tuple(loaded))

    def _clashes(self, path: Path, loaded: Sequence[Loaded]) -> list[Problem]:
        """Names that are another file's already; whoever has a name keeps it."""
        others = [*self._fixed, *(one for at, file in self._files.items() if at != path for one in file.loaded)]
        owners = {one.tool.name: one.source for one in others}
        names = [one.tool.name for one in loaded]
        twice = [name for name in dict.fromkeys(names) if name in owners or names.count(name) > 1]
        return [
            Problem(
                "duplicate_tool",
                f"tool `{name}` is declared in {owners.get(name, 'this file')} already",
                file=str(path),
            )
            for name in twice
        ]

    def _loaded(self) -> list[Loaded]:
        return [*self._fixed, *(one for path in sorted(self._files) for one in self._files[path].loaded)]

    def _swap(self) -> None:
        """All at once: whoever looks meanwhile sees all of the old or all of the new."""
        self._tools = in_order(found.tool for found in self._loaded())


class LiveCards(Mapping[str, ToolCard]):
    """The cards of a toolbox as they are at each moment."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox

    def __getitem__(self, name: str) -> ToolCard:
        tool = self._toolbox.get(name)
        if tool is None:
            raise KeyError(name)
        return tool.card

    def __iter__(self) -> Iterator[str]:
        return iter(self._toolbox.cards())

    def __len__(self) -> int:
        return len(self._toolbox.cards())


@contextlib.asynccontextmanager
async def looking(toolbox: LiveToolbox, every_s: float = LOOK_EVERY_S) -> AsyncIterator[None]:
    """Look again and again meanwhile."""
    task = asyncio.create_task(_keep_looking(toolbox, every_s))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _keep_looking(toolbox: LiveToolbox, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await toolbox.refresh()
        except OSError as error:
            log.warning("tools: the directories cannot be looked at: %s", error)
