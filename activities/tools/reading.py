"""Reading one file of the workspace."""

from __future__ import annotations

import os
from dataclasses import dataclass

from activities.tools.confine import Tree, spell_file
from activities.tools.errors import ToolError, show
from activities.tools.place import Access, Place

MAX_FILE_BYTES = 8 * 1024 * 1024
LESS = "split it, or search it with `text.search`"
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Contents:
    """A file's bytes, and where and what the file was when they were read."""

    data: bytes
    place: Place
    status: os.stat_result


def read_file(
    tree: Tree, access: Access, path: str, limit_bytes: int = MAX_FILE_BYTES, *, remedy: str = LESS
) -> Contents:
    """All of a regular file that the call may read; refused over `limit_bytes`, however large it claims to be.

    `remedy` says what to do then.
    """
    spelled = spell_file(path)
    with tree.file(spelled) as opened:
        access.may_read(opened.place)
        if opened.status.st_size > limit_bytes:
            raise _too_large(spelled, opened.status.st_size, limit_bytes, remedy)
        data = _read(opened.descriptor, limit_bytes)
        if len(data) > limit_bytes:
            raise _too_large(spelled, len(data), limit_bytes, remedy)
        return Contents(data, opened.place, opened.status)


def decode(data: bytes, path: str) -> str:
    """The text of a UTF-8 file."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        words = f"it is not UTF-8 text: byte 0x{data[error.start]:02x} at {error.start}; only text can be read"
        raise ToolError(f"{show(path)}: {words}") from None
    if "\0" in text:
        raise ToolError(f"{show(path)}: it is binary: a NUL byte at {data.index(0)}; only text can be read")
    return text


def _read(descriptor: int, limit_bytes: int) -> bytes:
    """To the end, and one byte past the limit at most: the size that was seen may be out of date."""
    chunks: list[bytes] = []
    left = limit_bytes + 1
    while left > 0 and (chunk := os.read(descriptor, min(left, _CHUNK))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _too_large(path: str, size_bytes: int, limit_bytes: int, remedy: str) -> ToolError:
    return ToolError(f"{show(path)}: it has {size_bytes} bytes, over the limit of {limit_bytes}; {remedy}")
