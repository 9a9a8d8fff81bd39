"""Paths in the workspace, looked at as text only: what they are called, never what they lead to."""

from __future__ import annotations

from policies.globs import BadPatternError, Glob, parse_glob

ROOT = "."
_UNSEEN = frozenset("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def normalise(path: str) -> str:
    """The one spelling of a path relative to the workspace: `a//b/` is `a/b`, `./a` is `a`, the root is `.`.

    Nothing is decoded or expanded and a backslash is a character like others. Whatever climbs (`..`),
    starts at `/`, is empty or has control or bidirectional characters raises `BadPatternError`.
    """
    if not path:
        raise BadPatternError("it is empty")
    if path.startswith("/"):
        raise BadPatternError("it is absolute; write it relative to the workspace")
    _refuse_unseen(path)
    segments = [segment for segment in path.split("/") if segment not in {"", "."}]
    if ".." in segments:
        raise BadPatternError("`..` may lead out of the workspace")
    return "/".join(segments) or ROOT


def parse_path(text: str) -> Glob:
    """Compile a path or a pattern of paths that is already in its one spelling; raises `BadPatternError`."""
    normal = normalise(text)
    if normal != text:
        raise BadPatternError(f"write `{normal}`")
    return parse_glob(text, root=ROOT)


def _refuse_unseen(path: str) -> None:
    if path.isprintable():
        return
    for character in path:
        if character < " " or "\x7f" <= character < "\xa0" or "\ud800" <= character < "\ue000" or character in _UNSEEN:
            raise BadPatternError(f"it has the character U+{ord(character):04X}, which does not show")
