"""The worker's own files, which no tool touches whatever a policy grants."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from activities.tools.place import Inode, Place

_DATABASE_FILES = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database; a key has nothing of the kind, and loses nothing by it."""


@dataclass(frozen=True, slots=True)
class ControlPaths:
    """Real paths from `/`, each with all that is below it.

    `closed` (keys, database, blobs) are neither read nor written; `fixed` (policy, models, tools, skills,
    graphs, the worker's code) are not written.
    """

    closed: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()

    @classmethod
    def of(cls, *, closed: Iterable[Path] = (), fixed: Iterable[Path] = ()) -> ControlPaths:
        """The paths as they are called and where they really are; they need not exist yet."""
        files = [path.with_name(path.name + suffix) for path in closed for suffix in ("", *_DATABASE_FILES)]
        return cls(_real(files), _real(fixed))

    def look(self) -> ControlView:
        """The paths with their inodes as they are now, for the checks of one call."""
        return ControlView(self.closed, (*self.closed, *self.fixed))


@dataclass(frozen=True)
class ControlView:
    """Control paths during one call. A place is known by path and by inode: a bind mount hides nothing.

    Inodes are looked up when they are first needed, because a call that only reads needs few of them.
    """

    _closed: tuple[str, ...]
    _all: tuple[str, ...]

    @cached_property
    def _closed_inodes(self) -> frozenset[Inode]:
        return _inodes(self._closed)

    @cached_property
    def _all_inodes(self) -> frozenset[Inode]:
        return _inodes(self._all)

    def closes(self, place: Place) -> bool:
        """Whether the place may not be read."""
        return _within(place, self._closed) or not self._closed_inodes.isdisjoint(place.inodes)

    def fixes(self, place: Place) -> bool:
        """Whether the place may not be written: it is a control path, or one would have to be below it."""
        if _within(place, self._all) or not self._all_inodes.isdisjoint(place.inodes):
            return True
        return any(path.startswith(place.absolute + "/") for path in self._all)


def _real(paths: Iterable[Path]) -> tuple[str, ...]:
    """Where each path leads, and the name itself: a link to a policy is as much the policy as its target."""
    found: list[str] = []
    for path in paths:
        named = Path(os.path.realpath(path.absolute().parent)) / path.name
        found += [str(named), os.path.realpath(path)]
    return tuple(dict.fromkeys(found))


def _within(place: Place, paths: Iterable[str]) -> bool:
    return any(place.absolute == path or place.absolute.startswith(path + "/") for path in paths)


def _inodes(paths: Iterable[str]) -> frozenset[Inode]:
    found: list[Inode] = []
    for path in paths:
        try:
            status = Path(path).stat()
        except OSError:
            continue  # not there yet, so nothing else can be the same
        found.append((status.st_dev, status.st_ino))
    return frozenset(found)
