"""The built-in tools for files: read, write, edit, list and glob, within the workspace."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from typing import Annotated, TypedDict, TypeVar

from pydantic import Field

from activities.failures import RESULT_LIMIT_BYTES, result_too_large
from activities.tools.confine import Tree, inode
from activities.tools.context import ToolContext
from activities.tools.declare import Effect, Risk, ToolError, need, tool
from activities.tools.editing import edited
from activities.tools.errors import show
from activities.tools.finding import Finder
from activities.tools.offload import Stop
from activities.tools.reading import decode, read_file
from activities.tools.replacing import write_file

MAX_PATHS = 10_000
"""The longest list that a graph can hold."""

T = TypeVar("T")
Path = Annotated[str, Field(description="Path of a file, relative to the workspace.")]


class ReadResult(TypedDict):
    """Text of a file, and what the file was."""

    path: str
    text: str
    size_bytes: int
    lines: int
    truncated: bool
    digest: str


class WriteResult(TypedDict):
    """What was written; `digest` is the SHA-256 of the file."""

    path: str
    bytes_written: int
    digest: str


class Entry(TypedDict):
    """One name in a directory."""

    name: str
    kind: str
    size_bytes: int


class ListResult(TypedDict):
    """A directory's names, sorted; `skipped` counts those that may not be shown."""

    path: str
    entries: list[Entry]
    skipped: int


class GlobResult(TypedDict):
    """Paths that match, sorted; `skipped` counts files and directories that may not be shown."""

    paths: list[str]
    skipped: int


@tool("fs.read", effect=Effect.READ, risk=Risk.LOW, timeout="10s", requires=[need("fs.read", arg="path")])
async def read(
    context: ToolContext,
    path: Path,
    offset: Annotated[int, Field(ge=0, description="How many lines to leave out at the start.")] = 0,
    limit: Annotated[int | None, Field(ge=1, description="The most lines to give; null gives all.")] = None,
) -> ReadResult:
    """Read a UTF-8 text file of at most 8 MiB.

    `truncated` says that lines before or after are left out; `lines` and `digest` (SHA-256) are the whole file's.
    """
    contents = await context.in_workspace(lambda tree, _: read_file(tree, context.access, path))
    lines = list(io.StringIO(decode(contents.data, path), newline="\n"))
    wanted = lines[offset : None if limit is None else offset + limit]
    text = "".join(wanted)
    if len(text) > RESULT_LIMIT_BYTES:
        raise result_too_large(
            f"tool `fs.read`: {show(path)}", len(text.encode()), "read part of it with `offset` and `limit`"
        )
    return ReadResult(
        path=path,
        text=text,
        size_bytes=len(contents.data),
        lines=len(lines),
        truncated=len(wanted) < len(lines),
        digest=hashlib.sha256(contents.data).hexdigest(),
    )


@tool("fs.write", effect=Effect.IDEMPOTENT, risk=Risk.MEDIUM, timeout="30s", requires=[need("fs.write", arg="path")])
async def write(
    context: ToolContext, path: Path, text: Annotated[str, Field(description="All of the file's text.")]
) -> WriteResult:
    """Write a text file, in place of the one that is there; directories above it are made.

    Readers see the old file or the new one, never a part.
    """
    data = text.encode()
    await context.in_workspace(lambda tree, _: write_file(tree, context.access, path, context.draft(data)))
    return _written(path, data)


@tool(
    "fs.edit",
    effect=Effect.IDEMPOTENT,
    risk=Risk.MEDIUM,
    timeout="30s",
    requires=[need("fs.read", arg="path"), need("fs.write", arg="path")],
)
async def edit(
    context: ToolContext,
    path: Path,
    old: Annotated[str, Field(min_length=1, description="Text that is in the file exactly once.")],
    new: Annotated[str, Field(description="What to put in its place.")],
) -> WriteResult:
    """Replace one piece of text in a file. It fails if `old` is not there, or there more than once."""

    def work(tree: Tree, _: Stop) -> bytes:
        before = read_file(tree, context.access, path)
        text = decode(before.data, path)
        after = edited(text, old, new, again=context.attempt > 1, path=path)
        data = after.encode()
        if after != text:
            draft = context.draft(data, instead_of=inode(before.status))
            write_file(tree, context.access, path, draft)
        return data

    return _written(path, await context.in_workspace(work))


@tool("fs.list", effect=Effect.READ, risk=Risk.LOW, timeout="10s", requires=[need("fs.read", arg="path")])
async def list_directory(
    context: ToolContext,
    path: Annotated[str, Field(description="Path of a directory, relative to the workspace.")] = ".",
) -> ListResult:
    """List the names in a directory, each with its kind: file, directory, link or other."""

    def work(tree: Tree, stop: Stop) -> ListResult:
        finder = Finder(tree, context.access, stop)
        entries = [
            Entry(name=name, kind=_kind(status), size_bytes=status.st_size) for name, status in finder.names(path)
        ]
        return ListResult(path=path, entries=_bounded(entries, "names"), skipped=finder.skipped)

    return await context.in_workspace(work)


@tool("fs.glob", effect=Effect.READ, risk=Risk.LOW, timeout="30s", requires=[need("fs.read", arg="pattern")])
async def glob(
    context: ToolContext,
    pattern: Annotated[str, Field(description="`*` matches within a name, `**` any directories: `src/**/*.py`.")],
) -> GlobResult:
    """Find files by a pattern of their path; `skipped` counts what may not be shown."""

    def work(tree: Tree, stop: Stop) -> GlobResult:
        finder = Finder(tree, context.access, stop)
        paths = [found.path for found in finder.find(pattern)]
        return GlobResult(paths=_bounded(paths, "files"), skipped=finder.skipped)

    return await context.in_workspace(work)


def _written(path: str, data: bytes) -> WriteResult:
    return WriteResult(path=path, bytes_written=len(data), digest=hashlib.sha256(data).hexdigest())


def _bounded(found: list[T], what: str) -> list[T]:
    """A list that was cut would look complete to a graph, so too many is an error."""
    if len(found) > MAX_PATHS:
        raise ToolError(f"{len(found)} {what} are more than {MAX_PATHS}; narrow the pattern")
    return found


def _kind(status: os.stat_result) -> str:
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return "file"
    return "directory" if stat.S_ISDIR(mode) else "link" if stat.S_ISLNK(mode) else "other"
