"""Finding the files of the workspace that a pattern matches."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from activities.tools.confine import DIRECTORY, Opened, Tree, inode, require_regular, spell
from activities.tools.errors import PATH, Absent, Refused, ToolError, explain, show
from activities.tools.offload import Stop
from activities.tools.place import Access, Place
from policies.globs import BadPatternError, Glob, parse_glob
from policies.paths import ROOT

MAX_ENTRIES = 200_000
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Found:
    """A file: the path it was found under, where it really is, and its size."""

    path: str
    place: Place
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Directory:
    descriptor: int
    path: str
    place: Place
    depth: int

    def below(self, name: str) -> str:
        return name if self.path == ROOT else f"{self.path}/{name}"


class Finder:
    """One search through the workspace. `skipped` counts what matched, or could have, and may not be shown:
    denied and protected files, directories of nothing else, links to directories, and what is no plain file.
    """

    def __init__(self, tree: Tree, access: Access, stop: Stop, max_entries: int = MAX_ENTRIES) -> None:
        self._tree = tree
        self._access = access
        self._stop = stop
        self._left = max_entries
        self.skipped = 0

    def find(self, pattern: str) -> list[Found]:
        """The files that match, by path. The pattern is one of the policy's: `*` within a name, `**` across them."""
        glob = parse_pattern(pattern)
        base = "/".join(_literal_head(glob)) or ROOT
        try:
            with self._tree.open(base, DIRECTORY) as opened:
                found = list(self._search(self._start(base, opened), glob))
        except Absent:
            return []
        return sorted(found, key=lambda file: file.path)

    def names(self, path: str) -> list[tuple[str, os.stat_result]]:
        """The names in a directory that may be shown, sorted, with what each is; links are not followed."""
        spelled = spell(path)
        listed: list[tuple[str, os.stat_result]] = []
        with self._tree.open(spelled, DIRECTORY) as opened:
            directory = self._start(spelled, opened)
            for entry in self._list(directory):
                status = _status_of(entry)
                if status is not None and self._shown(directory, entry.name, status):
                    listed.append((entry.name, status))
        return listed

    def _shown(self, directory: _Directory, name: str, status: os.stat_result) -> bool:
        place = _below(directory, name, status)
        shown = self._access.enters(place) if stat.S_ISDIR(status.st_mode) else self._access.shows(place)
        self.skipped += not shown
        return shown

    def _start(self, base: str, opened: Opened) -> _Directory:
        return _Directory(opened.descriptor, base, opened.place, 0)

    def _search(self, directory: _Directory, glob: Glob) -> Iterator[Found]:
        for entry in self._list(directory):
            path = directory.below(entry.name)
            if entry.is_dir(follow_symlinks=False):
                if _may_hold(glob, path):
                    yield from self._descend(directory, entry.name, glob)
            elif matches(glob, path):
                found = self._look(directory, path, entry)
                if found is not None:
                    yield found

    def _list(self, directory: _Directory) -> list[os.DirEntry[str]]:
        self._stop.check()
        with os.scandir(directory.descriptor) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
        self._left -= len(listed)
        if self._left < 0:
            raise ToolError("there are too many files and directories to look at; narrow the pattern")
        return listed

    def _descend(self, directory: _Directory, name: str, glob: Glob) -> Iterator[Found]:
        path = directory.below(name)
        try:
            with _subdirectory(directory, name) as below:
                if directory.depth < MAX_DEPTH and self._access.enters(below.place):
                    yield from self._search(below, glob)
                else:
                    self.skipped += 1
        except OSError as error:
            if isinstance(explain(error, path), Absent):
                return  # removed since it was listed
            self.skipped += 1

    def _look(self, directory: _Directory, path: str, entry: os.DirEntry[str]) -> Found | None:
        """The file if it may be shown. A link is followed within the workspace, and judged by where it leads."""
        try:
            if entry.is_symlink():
                with self._tree.file(path) as opened:
                    place, size_bytes = opened.place, opened.status.st_size
            else:
                status = entry.stat(follow_symlinks=False)
                require_regular(status, path)
                place, size_bytes = _below(directory, entry.name, status), status.st_size
        except (ToolError, OSError):
            self.skipped += 1
            return None
        if not self._access.shows(place):
            self.skipped += 1
            return None
        return Found(path, place, size_bytes)


def parse_pattern(pattern: str) -> Glob:
    """A pattern of files relative to the workspace."""
    try:
        return parse_glob(spell(pattern), root=ROOT)
    except BadPatternError as error:
        raise Refused(PATH, f"{show(pattern)}: {error}") from None


def matches(glob: Glob, path: str) -> bool:
    """Whether the pattern matches this very path; a path that cannot be written as text matches nothing."""
    try:
        return glob.matches(parse_glob(path, root=ROOT))
    except BadPatternError:
        return False


def _status_of(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None  # removed since it was listed


def _literal_head(glob: Glob) -> tuple[str, ...]:
    """The directories that the pattern names before its first star."""
    for depth, segment in enumerate(glob.segments[:-1]):
        if "*" in segment:
            return glob.segments[:depth]
    return glob.segments[:-1]


def _may_hold(glob: Glob, path: str) -> bool:
    return "**" in glob.segments or path.count("/") + 1 < len(glob.segments)


@contextmanager
def _subdirectory(above: _Directory, name: str) -> Iterator[_Directory]:
    """Open a directory that was listed; a link that took its place meanwhile is not followed."""
    descriptor = os.open(name, DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above.descriptor)
    try:
        place = _below(above, name, os.fstat(descriptor))
        yield _Directory(descriptor, above.below(name), place, above.depth + 1)
    finally:
        os.close(descriptor)


def _below(above: _Directory, name: str, status: os.stat_result) -> Place:
    relative = name if above.place.relative == ROOT else f"{above.place.relative}/{name}"
    absolute = f"{above.place.absolute.rstrip('/')}/{name}"
    return Place(above.below(name), relative, absolute, above.place.inodes | {inode(status)})
