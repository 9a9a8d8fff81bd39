"""What kind of image or document bytes are, and how large a picture they hold, read from the bytes alone."""

from __future__ import annotations

from collections.abc import Iterator

_MAGIC: tuple[tuple[str, int, bytes], ...] = (
    ("image/png", 0, b"\x89PNG\r\n\x1a\n"),
    ("image/jpeg", 0, b"\xff\xd8\xff"),
    ("image/gif", 0, b"GIF87a"),
    ("image/gif", 0, b"GIF89a"),
    ("image/webp", 8, b"WEBP"),
    ("application/pdf", 0, b"%PDF-"),
)
_RIFF = b"RIFF"
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of a JPEG's segments that hold its size: all the ways to code a frame, without the tables between them."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a segment."""


def kind_of(data: bytes) -> str | None:
    """The media type of bytes by what they begin with; null for what no model is shown."""
    for kind, at, magic in _MAGIC:
        if data[at : at + len(magic)] == magic and (at == 0 or data.startswith(_RIFF)):
            return kind
    return None


def sides_of(data: bytes, kind: str) -> tuple[int, int] | None:
    """Width and height in pixels of an image of this kind; null where its beginning is damaged."""
    if kind == "image/png":
        return _big(data, 16, 4) if data[12:16] == b"IHDR" and len(data) >= 24 else None  # noqa: PLR2004 - its header
    if kind == "image/gif":
        return _little(data, 6, 2) if len(data) >= 10 else None  # noqa: PLR2004 - its header
    return _jpeg(data) if kind == "image/jpeg" else _webp(data)


def _jpeg(data: bytes) -> tuple[int, int] | None:
    for marker, at in _segments(data):
        if marker in _FRAMES:
            height, width = _big(data, at + 3, 2)
            return (width, height) if len(data) >= at + 7 else None
    return None


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """The markers of a JPEG up to its picture, each with where its segment begins."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - every marker begins so
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:  # noqa: PLR2004 - fill bytes
            at += 1 if marker not in _ALONE else 2
            continue
        yield marker, at + 2
        at += 2 + int.from_bytes(data[at + 2 : at + 4])


def _webp(data: bytes) -> tuple[int, int] | None:
    """Of its first chunk, of which there are three kinds."""
    if len(data) < 30:  # noqa: PLR2004 - the shortest header
        return None
    match data[12:16]:
        case b"VP8X":
            width, height = _little(data, 24, 3)
            return width + 1, height + 1
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = _little(data, 26, 2)
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return None


def _big(data: bytes, at: int, size: int) -> tuple[int, int]:
    return int.from_bytes(data[at : at + size]), int.from_bytes(data[at + size : at + 2 * size])


def _little(data: bytes, at: int, size: int) -> tuple[int, int]:
    return int.from_bytes(data[at : at + size], "little"), int.from_bytes(data[at + size : at + 2 * size], "little")
