"""Writing one file of the workspace: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from activities.tools.confine import DIRECTORY, Opened, Tree, inode, require_regular, spell_file
from activities.tools.errors import LINK, Absent, Refused, ToolError, explain, show
from activities.tools.place import Access, Inode, Place

MAX_WRITE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be written. `key` marks its temporary files, so that a later attempt can remove them.

    `instead_of` is the inode that must still be under the path, null if any file or none may be.
    """

    data: bytes
    key: str
    attempt: int = 1
    instead_of: Inode | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A real path to write: the directory that exists, the ones to make below it, the file that is there."""

    place: Place
    directory: str
    missing: tuple[str, ...]
    name: str
    existing: os.stat_result | None


def write_file(tree: Tree, access: Access, path: str, draft: Draft) -> Place:
    """Put the draft under the path, in place of the file that is there; directories above it are made.

    The data is written and synced beside the file and renamed over it, so that readers and crashes see the
    old file or the new one. Renaming replaces a name in a directory that is held open: it follows no link.
    """
    spelled = spell_file(path)
    if len(draft.data) > MAX_WRITE_BYTES:
        raise ToolError(f"{show(path)}: {len(draft.data)} bytes are over the limit of {MAX_WRITE_BYTES}; write less")
    target = find_target(tree, spelled)
    access.may_write(target.place)
    if draft.instead_of is not None and (target.existing is None or inode(target.existing) != draft.instead_of):
        raise _changed(spelled)
    try:
        with _directory(tree, target) as directory_fd:
            _replace(directory_fd, target, draft)
    except OSError as error:
        raise explain(error, spelled) from error
    return target.place


def find_target(tree: Tree, path: str) -> Target:
    """Where a write under a path would go: a file that is there, links followed, or a new one."""
    try:
        with tree.file(path) as opened:
            directory, _, name = opened.place.relative.rpartition("/")
            return Target(opened.place, directory or ".", (), name, opened.status)
    except Absent:
        return _find_new(tree, path)


def _find_new(tree: Tree, path: str) -> Target:
    """The deepest directory on the way that exists, and what is to be made below it."""
    parts = path.split("/")
    for depth in range(len(parts) - 1, -1, -1):
        with contextlib.suppress(Absent), tree.open("/".join(parts[:depth]) or ".", DIRECTORY) as above:
            return _new_target(tree, path, above, parts[depth:])
    raise ToolError(f"{show(path)}: the workspace was removed; see `--workspace`")


def _new_target(tree: Tree, path: str, above: Opened, parts: list[str]) -> Target:
    if _status(above.descriptor, parts[0]) is not None:
        raise Refused(LINK, f"{show(path)}: it goes through a link that leads to nothing; remove the link")
    base = above.place.relative
    relative = "/".join(parts if base == "." else [base, *parts])
    return Target(tree.place(path, relative), base, tuple(parts[:-1]), parts[-1], None)


@contextmanager
def _directory(tree: Tree, target: Target) -> Iterator[int]:
    """The target's directory, made if need be, open, and certainly the one that was asked about."""
    with tree.open(target.directory, DIRECTORY) as opened:
        if opened.place.relative != target.directory:
            raise _changed(target.place.asked)
        descriptor = os.dup(opened.descriptor)
    try:
        for name in target.missing:
            below = _make_directory(descriptor, name)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _make_directory(directory_fd: int, name: str) -> int:
    """Another call may make the same directory at the same time; a link in its place is not followed."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o777, dir_fd=directory_fd)
        os.fsync(directory_fd)
    return os.open(name, DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory_fd)


def _replace(directory_fd: int, target: Target, draft: Draft) -> None:
    prefix = f".detent-{draft.key[:16]}-"
    if draft.attempt > 1:
        _sweep(directory_fd, prefix)
    temporary = prefix + secrets.token_hex(4)
    try:
        _write(directory_fd, temporary, target.existing, draft.data)
        _require_unchanged(directory_fd, target)
        os.rename(temporary, target.name, src_dir_fd=directory_fd, dst_dir_fd=directory_fd)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=directory_fd)
        raise
    os.fsync(directory_fd)


def _write(directory_fd: int, name: str, existing: os.stat_result | None, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o666, dir_fd=directory_fd)
    try:
        if existing is not None:
            os.fchmod(descriptor, stat.S_IMODE(existing.st_mode) & 0o777)
            with contextlib.suppress(PermissionError):  # only root may give files away
                os.fchown(descriptor, existing.st_uid, existing.st_gid)
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require_unchanged(directory_fd: int, target: Target) -> None:
    """What was allowed to be replaced is still what is there."""
    now = _status(directory_fd, target.name)
    before = target.existing
    if (now and inode(now)) != (before and inode(before)):
        raise _changed(target.place.asked)
    if now is not None:
        require_regular(now, target.place.asked)


def _sweep(directory_fd: int, prefix: str) -> None:
    """Remove what an attempt of the same call left behind when its worker was killed."""
    for name in os.listdir(directory_fd):
        if name.startswith(prefix):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=directory_fd)


def _status(directory_fd: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory_fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _changed(path: str) -> ToolError:
    return ToolError(f"{show(path)}: it was changed by somebody else meanwhile; try again", retryable=True)
