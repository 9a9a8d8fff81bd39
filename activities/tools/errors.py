"""What goes wrong inside a tool, in words that name the path and what to do."""

from __future__ import annotations

import errno
import os

OUTSIDE = "workspace.outside"
SPECIAL = "workspace.special"
LINK = "workspace.link"
PATH = "workspace.path"

MAX_SHOWN_CHARS = 200


class ToolError(Exception):
    """A tool cannot do what it was asked. `retryable` says that the same call may succeed later."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class Refused(ToolError):
    """What was asked for is never done, whatever the policy grants; `rule` says what forbids it."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class Absent(ToolError):
    """There is nothing under the path."""


_REFUSED = {
    errno.EXDEV: (OUTSIDE, "it leads out of the workspace; name a file inside it"),
    errno.ELOOP: (LINK, "it goes through a link that leads nowhere useful; name the file itself"),
    errno.ENXIO: (SPECIAL, "it is a socket or a device, not a file; name a regular file"),
    errno.ENODEV: (SPECIAL, "it is a device, not a file; name a regular file"),
}
_FAILED = {
    errno.ENOTDIR: "a part of it is a file, not a directory; check the path with `fs.list`",
    errno.EISDIR: "it is a directory; use `fs.list`, or name a file in it",
    errno.ENAMETOOLONG: "it is too long; a path has at most 4095 bytes and a name 255",
    errno.EACCES: "permission denied; the worker's user needs the right to it",
    errno.EPERM: "not permitted; the worker's user needs the right to it",
    errno.EROFS: "the file system is read-only; use another workspace",
}
_TRANSIENT = {
    errno.ENOSPC: "no space is left on the disk; free some and try again",
    errno.EDQUOT: "the disk quota is used up; free some space and try again",
    errno.EFBIG: "the file would be larger than the system allows; raise the limit or write less",
    errno.EAGAIN: "the workspace changes too fast; try again",
    errno.EIO: "the disk reported an error; see the system's log",
    errno.EMFILE: "the worker has too many open files; raise its limit",
    errno.ENFILE: "the system has too many open files",
}


def explain(error: OSError, path: str) -> ToolError:
    """The system's error about a path, as a tool's error."""
    code = error.errno or 0
    shown = show(path)
    if code in _REFUSED:
        rule, words = _REFUSED[code]
        return Refused(rule, f"{shown}: {words}")
    if code == errno.ENOENT:
        return Absent(f"{shown}: there is no such file or directory; check the path with `fs.list`")
    if code in _TRANSIENT:
        return ToolError(f"{shown}: {_TRANSIENT[code]}", retryable=True)
    return ToolError(f"{shown}: {_FAILED.get(code, os.strerror(code) if code else str(error))}")


def show(path: str) -> str:
    """A path as it may stand in a message: quoted, escaped where it would not show, cut where it is too long."""
    plain = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in path[:MAX_SHOWN_CHARS])
    return f"`{plain}{'…' if len(path) > MAX_SHOWN_CHARS else ''}`"
