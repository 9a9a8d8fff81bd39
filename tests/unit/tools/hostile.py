"""A workspace full of traps, and the naive ways of opening files that walk into them."""

from __future__ import annotations

import ctypes
import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SECRET = b"the secret\n"


@dataclass(frozen=True)
class Traps:
    """`root` is the workspace; `outside` and `root-evil` beside it hold what must not be read."""

    root: Path
    outside: Path


def set_traps(base: Path) -> Traps:
    """Make the directories that the table of paths is about."""
    root, outside, evil = base / "root", base / "outside", base / "root-evil"
    for directory in (root / "sub" / "deep", outside, evil):
        directory.mkdir(parents=True)
    for directory in (outside, evil):
        (directory / "secret").write_bytes(SECRET)
    (root / "a.txt").write_text("a\n")
    (root / "sub" / "b.txt").write_text("b\n")
    for name, target in LINKS.items():
        (root / name).symlink_to(target.replace("OUTSIDE", str(outside)))
    (root / "hard").hardlink_to(outside / "secret")
    os.mkfifo(root / "fifo")
    listen(root / "socket")
    with suppress(PermissionError):  # a container may not let even root make devices
        os.mknod(root / "device", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    with (root / "huge").open("wb") as file:
        file.truncate(1 << 40)
    for name in NAMES:
        (root / name).write_text(name)
    (root / os.fsdecode(b"caf\xe9")).write_text("no text in its name")
    return Traps(root, outside)


LINKS = {
    "rel-out": "../outside/secret",
    "abs-out": "OUTSIDE/secret",
    "dir-out": "../outside",
    "chain": "chain2",
    "chain2": "rel-out",
    "proc-cwd": "/proc/self/cwd",
    "proc-root": "/proc/self/root",
    "proc-fd": "/proc/self/fd",
    "inside": "sub/b.txt",
    "inside-dots": "sub/../a.txt",
    "sub/up": "../a.txt",
    "loop": "loop2",
    "loop2": "loop",
    "zero": "/dev/zero",
    "dangling": "nowhere/at/all",
    "dangling-out": "../outside/new",
}
NAMES = ("caf\u00e9", "cafe\u0301", "line\nbreak", "evil\u202etxt.exe", "back\\slash", "dot.", "space ")


def listen(path: Path) -> None:
    """Leave a socket's name behind, however long its path is."""
    directory_fd = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{directory_fd}/{path.name}")
    finally:
        os.close(directory_fd)


def naive(root: Path, path: str) -> bytes:
    """Join and read, as a tool without confinement does."""
    return _take(os.open(os.path.join(root, path), os.O_RDONLY | os.O_NONBLOCK))  # noqa: PTH118 - naive on purpose


def checked_by_prefix(root: Path, path: str) -> bytes:
    """`normpath` and `startswith`: the commonest check there is."""
    full = os.path.normpath(os.path.join(root, path))  # noqa: PTH118 - naive on purpose
    if not full.startswith(str(root)):
        raise PermissionError(path)
    return _take(os.open(full, os.O_RDONLY | os.O_NONBLOCK))


def unchecked_openat2(root: Path, path: str) -> bytes:
    """The kernel's confinement alone: nothing said of NUL, links with two names, kinds of files."""
    root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        how = (ctypes.c_uint64 * 3)(os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, 0, 0x08 | 0x02)
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor = libc.syscall(437, root_fd, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
        if descriptor < 0:
            raise OSError(ctypes.get_errno(), path)
        return _take(descriptor)
    finally:
        os.close(root_fd)


def _take(descriptor: int) -> bytes:
    """Up to a page of what was opened; opening alone is enough to count as an escape."""
    try:
        return os.read(descriptor, 4096)
    except (BlockingIOError, IsADirectoryError):
        return b""
    finally:
        os.close(descriptor)
