"""The files of one skill's directory: all that they hold, read without ever leaving it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from activities.tools.confine import DIRECTORY, READ, Opened, Tree, best_method, spell_file
from activities.tools.errors import LINK, OUTSIDE, Refused, ToolError, show
from policies.canonical import digest

MAX_FILES = 500
MAX_DEPTH = 8
MAX_FILE_BYTES = 1024 * 1024
MAX_BYTES = 8 * 1024 * 1024
"""Of one file, and of all files of one skill."""
LEFT_OUT = "__pycache__"
"""What running a skill's scripts leaves behind; with it goes whatever has a name that starts with a dot."""
SKILL_OUTSIDE = "skill.outside"


def read_tree(directory: Path) -> dict[str, bytes]:
    """Every file of a skill by its path within it.

    `ToolError` for what does not belong in a skill or is too much of it, `Refused` for links that lead out; `OSError`
    if the directory itself cannot be opened, as where it is a link.
    """
    root_fd = os.open(directory, DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        tree = Tree(root_fd, os.path.realpath(directory), best_method())
        found: dict[str, bytes] = {}
        left = MAX_BYTES
        for path in _paths(tree, "", 1):
            if len(found) >= MAX_FILES:
                raise ToolError(f"it has over {MAX_FILES} files; leave out what the instructions do not name")
            found[path] = _read(tree, path)
            left -= len(found[path])
            if left < 0:
                raise ToolError(f"its files have over {MAX_BYTES:,} bytes; leave large data elsewhere")
        return found
    finally:
        os.close(root_fd)


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the canonical form of {path: SHA-256 of the file}."""
    return digest({path: hashlib.sha256(data).hexdigest() for path, data in files.items()})


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    is_directory: bool
    is_link: bool


def _paths(tree: Tree, above: str, depth: int) -> Iterator[str]:
    """The files below a directory, by name. Links to files of the skill are files."""
    if depth > MAX_DEPTH:
        raise ToolError(f"{show(above)}: directories are nested over {MAX_DEPTH} deep; put the files higher")
    for entry in _entries(tree, above):
        path = f"{above}{entry.name}"
        if entry.is_directory:
            yield from _paths(tree, f"{path}/", depth + 1)
        elif entry.is_link and _leads_to_directory(tree, path):
            raise Refused(LINK, f"{show(path)}: it is a link to a directory; copy the directory")
        else:
            yield path


def _entries(tree: Tree, above: str) -> list[_Entry]:
    with _opened(tree, above.rstrip("/") or ".", DIRECTORY) as opened, os.scandir(opened.descriptor) as scanned:
        found = [
            _Entry(entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink())
            for entry in scanned
            if not entry.name.startswith(".") and entry.name != LEFT_OUT
        ]
    return sorted(found, key=lambda entry: entry.name)


def _leads_to_directory(tree: Tree, path: str) -> bool:
    with _opened(tree, path, READ) as opened:
        return stat.S_ISDIR(opened.status.st_mode)


def _read(tree: Tree, path: str) -> bytes:
    with _opened(tree, spell_file(path), READ) as opened:
        if not stat.S_ISREG(opened.status.st_mode):
            raise ToolError(f"{show(path)}: it is a FIFO, a socket or a device; take it out")
        with open(opened.descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ToolError(f"{show(path)}: it has over {MAX_FILE_BYTES:,} bytes; split it")
    return data


@contextmanager
def _opened(tree: Tree, path: str, flags: int) -> Iterator[Opened]:
    try:
        with tree.open(path, flags) as opened:
            yield opened
    except Refused as refusal:
        if refusal.rule != OUTSIDE:
            raise
        words = "it is a link that leads out of the skill; copy what it leads to"
        raise Refused(SKILL_OUTSIDE, f"{show(path)}: {words}") from None
