"""Globs over names made of segments: `*` stays within a segment, `**` takes any number of whole segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from policies.inclusion import includes

MAX_CHARS = 4096
MAX_SEGMENTS = 256
CROSSING = "**"


class BadPatternError(ValueError):
    """The text is no pattern of its kind; the message says why."""


@dataclass(frozen=True, slots=True)
class Wild:
    """A segment with stars: what it starts with, the pieces between its stars, what it ends with."""

    head: str
    inner: tuple[str, ...]
    tail: str

    def fits(self, segment: str) -> bool:
        """Whether the stars can be filled; each piece is taken as far left as it goes, so one pass decides."""
        end = len(segment) - len(self.tail)
        position = len(self.head)
        if end < position or not (segment.startswith(self.head) and segment.endswith(self.tail)):
            return False
        for piece in self.inner:
            found = segment.find(piece, position, end)
            if found < 0:
                return False
            position = found + len(piece)
        return True


Piece: TypeAlias = str | Wild
Block: TypeAlias = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Glob:
    """A compiled pattern, or a concrete name, which is a pattern without stars.

    `blocks` are the runs of segments between the `**`; one block alone means that there is no `**`.
    `head` and `tail` are what all matched names begin and end with, at their longest; they settle most
    questions. `folder` is set for the commonest grant, all that is in a folder: `a/b/` for `a/b/**`, empty for `**`.
    """

    text: str
    segments: tuple[str, ...]
    literal: bool
    blocks: tuple[Block, ...]
    head: str
    tail: str
    folder: str | None

    def covers(self, other: Glob) -> bool:
        """Whether every name that `other` matches is matched by this pattern too."""
        if not self.matches(other):  # read as a name, a pattern is one of the names that it matches
            return False
        if other.literal or self.segments == other.segments:
            return True
        if self.folder is not None and other.head.startswith(self.folder):
            return True
        return self.folder is None and includes(self.segments, other.segments)

    def matches(self, name: Glob) -> bool:
        """Whether the pattern matches the very text of `name`, stars in it taken literally."""
        text = name.text
        if not (text.startswith(self.head) and text.endswith(self.tail)):
            return False
        if self.literal or self.folder is not None:
            return text == self.head or (self.folder is not None and text.startswith(self.folder))
        return _match(self.blocks, name.segments)


def _match(blocks: tuple[Block, ...], segments: tuple[str, ...]) -> bool:
    """First block at the start, last at the end, each other as far left as it goes: no backtracking."""
    first, last = blocks[0], blocks[-1]
    if len(blocks) == 1:
        return len(segments) == len(first) and _fit(first, segments, 0)
    end = len(segments) - len(last)
    position = len(first)
    if end < position or not (_fit(first, segments, 0) and _fit(last, segments, end)):
        return False
    for block in blocks[1:-1]:
        while position + len(block) <= end and not _fit(block, segments, position):
            position += 1
        position += len(block)
        if position > end:
            return False
    return True


def _fit(block: Block, segments: tuple[str, ...], at: int) -> bool:
    for offset, piece in enumerate(block):
        segment = segments[at + offset]
        if not (piece == segment if isinstance(piece, str) else piece.fits(segment)):
            return False
    return True


def parse_glob(text: str, *, root: str | None = None) -> Glob:
    """Compile a pattern; `root` is the text that stands for no segments at all. Raises `BadPatternError`."""
    if not text:
        raise BadPatternError("it is empty")
    if len(text) > MAX_CHARS:
        raise BadPatternError(f"it is longer than {MAX_CHARS} characters")
    segments = () if text == root else tuple(text.split("/"))
    if "" in segments:
        raise BadPatternError("it has an empty segment")
    if len(segments) > MAX_SEGMENTS:
        raise BadPatternError(f"it is deeper than {MAX_SEGMENTS} segments")
    if "*" not in text:
        return Glob(text, segments, literal=True, blocks=(segments,), head=text, tail=text, folder=None)
    segments = _collapse(segments)
    if any(CROSSING in segment and segment != CROSSING for segment in segments):
        raise BadPatternError("`**` must stand alone between slashes")
    head, tail = _ends(segments)
    blocks = _blocks(segments)
    return Glob(text, segments, literal=False, blocks=blocks, head=head, tail=tail, folder=_folder(segments))


def _collapse(segments: tuple[str, ...]) -> tuple[str, ...]:
    """`**/**` says no more than `**`."""
    follows = zip(segments, (None, *segments), strict=False)
    return tuple(segment for segment, before in follows if not segment == before == CROSSING)


def _ends(segments: tuple[str, ...]) -> tuple[str, str]:
    """What stands before the first star and after the last; a `**` at either end takes its slash with it."""
    text = "/".join(segments)
    head, tail = text[: text.find("*")], text[text.rfind("*") + 1 :]
    if segments[-1] == CROSSING and head == "/".join(segments[:-1]) + "/":
        head = head[:-1]
    if segments[0] == CROSSING and tail == "/" + "/".join(segments[1:]):
        tail = tail[1:]
    return head, tail


def _folder(segments: tuple[str, ...]) -> str | None:
    above = "/".join(segments[:-1])
    if segments[-1:] != (CROSSING,) or "*" in above:
        return None
    return f"{above}/" if above else ""


def _blocks(segments: tuple[str, ...]) -> tuple[Block, ...]:
    blocks: list[list[Piece]] = [[]]
    for segment in segments:
        if segment == CROSSING:
            blocks.append([])
        else:
            blocks[-1].append(_piece(segment))
    return tuple(tuple(block) for block in blocks)


def _piece(segment: str) -> Piece:
    head, *rest = segment.split("*")
    return Wild(head, tuple(rest[:-1]), rest[-1]) if rest else segment
