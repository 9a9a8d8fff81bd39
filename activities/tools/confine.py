"""The workspace: the directory that file tools may not leave, whatever the path."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from activities.tools import nofollow, openat2
from activities.tools.errors import LINK, PATH, SPECIAL, Absent, Refused, ToolError, explain, show
from activities.tools.place import Inode, Place
from policies.globs import BadPatternError
from policies.paths import normalise

Method: TypeAlias = Literal["openat2", "walk"]

MAX_PATH_BYTES = 4095
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
"""Not blocking, so that opening a FIFO that somebody planted does not hang before it is refused."""

_OPENERS = {"openat2": openat2.open_beneath, "walk": nofollow.open_beneath}


@dataclass(frozen=True, slots=True)
class Workspace:
    """A directory and how files in it are opened; `method` null is the best that the system has."""

    root: Path
    method: Method | None = None

    @contextmanager
    def open(self) -> Iterator[Tree]:
        """The directory as it is now, held open: it stays the same one if it is renamed or covered meanwhile."""
        try:
            root_fd = os.open(self.root, DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            words = f"the workspace cannot be opened: {error.strerror}; see `--workspace`"
            raise ToolError(words, retryable=True) from error
        try:
            yield Tree(root_fd, os.path.realpath(self.root), self.method or best_method())
        finally:
            os.close(root_fd)


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file or directory, where it really is, and what the system says of it."""

    descriptor: int
    place: Place
    status: os.stat_result


class Tree:
    """An open workspace. Every path is relative to it; errors are `ToolError`, escapes `Refused`."""

    def __init__(self, root_fd: int, root: str, method: Method) -> None:
        self.root_fd = root_fd
        self._root = root
        self._open = _OPENERS[method]

    @contextmanager
    def open(self, path: str, flags: int) -> Iterator[Opened]:
        """Open what is already there, following links only within the workspace."""
        try:
            descriptor, relative = self._open(self.root_fd, path, flags)
        except OSError as error:
            raise explain(error, path) from error
        try:
            status = os.fstat(descriptor)
            yield Opened(descriptor, self.place(path, relative, inode(status)), status)
        finally:
            os.close(descriptor)

    @contextmanager
    def file(self, path: str) -> Iterator[Opened]:
        """Open a regular file for reading; anything else, and a file with two names, is refused."""
        with self.open(path, READ) as opened:
            require_regular(opened.status, path)
            yield opened

    def place(self, asked: str, relative: str, own: Inode | None = None) -> Place:
        """The place of a real path, which need not exist yet; `own` is its inode where it does."""
        found = {inode(os.fstat(self.root_fd))}
        above = relative.split("/")[:-1]
        try:
            for depth in range(1, len(above) + 1):
                path = "/".join(above[:depth])
                found.add(inode(os.stat(path, dir_fd=self.root_fd, follow_symlinks=False)))
        except FileNotFoundError:
            pass  # below a directory that does not exist yet there is nothing to know
        except OSError as error:  # something else took a directory's place since the path was opened
            raise explain(error, asked) from error
        absolute = self._root if relative == "." else f"{self._root.rstrip('/')}/{relative}"
        return Place(asked, relative, absolute, frozenset(found if own is None else found | {own}))


def best_method() -> Method:
    """`openat2` where the system has it, the walk where it has not; measured once."""
    return "openat2" if openat2.available() else "walk"


def spell(path: str) -> str:
    """The one spelling of a path of a file or directory. Nothing is decoded or expanded."""
    try:
        spelled = normalise(path)
    except BadPatternError as error:
        raise Refused(PATH, f"{show(path)}: {error}") from None
    if len(spelled.encode()) > MAX_PATH_BYTES:
        raise ToolError(f"{show(path)}: it is too long; a path has at most {MAX_PATH_BYTES} bytes")
    return spelled


def spell_file(path: str) -> str:
    """The one spelling of a path that can only be a file."""
    spelled = spell(path)
    if spelled == "." or path.endswith(("/", "/.")):
        raise ToolError(f"{show(path)}: this is a directory's name; name a file in it")
    return spelled


def inode(status: os.stat_result) -> Inode:
    """What a file is known by however it is reached."""
    return (status.st_dev, status.st_ino)


def require_regular(status: os.stat_result, path: str) -> None:
    """Refuse what is not a plain file with one name. A second name may be one outside, which no path tells."""
    if stat.S_ISDIR(status.st_mode):
        raise ToolError(f"{show(path)}: it is a directory; use `fs.list`, or name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise Refused(SPECIAL, f"{show(path)}: it is a FIFO, a socket or a device; name a regular file")
    if status.st_nlink == 0:
        raise Absent(f"{show(path)}: it was removed meanwhile; check the path with `fs.list`")
    if status.st_nlink > 1:
        words = f"it is a hard link: the file has {status.st_nlink} names; make a copy of it"
        raise Refused(LINK, f"{show(path)}: {words}")
