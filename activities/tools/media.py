"""Images and documents that a tool gives for a model to look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from activities.tools.pictures import kind_of, sides_of
from workflows.contracts.conversation import IMAGES, PDF

MIB = 1024 * 1024
IMAGE_BYTES = 5 * MIB
PDF_BYTES = 20 * MIB
"""What fits into a request to every provider once it is base64, with a conversation around it."""
NOTE_BYTES = 2048
"""A note stands in history twice: in the result, and in the model call after it."""
SIDE_PIXELS = 8000
"""Anthropic refuses a request with a longer side in it, and so every later turn of the conversation."""
KINDS = (*sorted(IMAGES), PDF)


@dataclass(frozen=True, slots=True)
class Media:
    """An image (`image/png image/jpeg image/gif image/webp`) or a document (`application/pdf`), as a tool's result.

    `data` is what the model looks at, `note` a short text that it reads before. Only an agent can be shown one.
    """

    data: bytes = field(repr=False)
    media: str
    note: str = ""

    @property
    def said(self) -> str:
        """What is said of it: the note, or else what it is."""
        return self.note if self.note.strip() else f"{self.media} of {len(self.data)} bytes"


def flaw_of(given: Media) -> str | None:
    """Why no model can be shown it; null if one can.

    A provider refuses what it cannot read, and with it every later turn: it must not get into a conversation.
    """
    if given.media not in KINDS:
        return f"its result is of type `{given.media}`; a model can be shown {', '.join(KINDS)}"
    kind = kind_of(given.data)
    if kind != given.media:
        found = kind or "of no kind that a model can be shown"
        return f"its result is said to be {given.media}, but its bytes are {found}"
    limit = limit_bytes(given.media)
    if len(given.data) > limit:
        return f"its result has {len(given.data)} bytes, over the limit of {limit} for {given.media}; make it smaller"
    note_bytes = len(given.note.encode("utf-8", "surrogatepass"))
    if note_bytes > NOTE_BYTES:
        return f"its note has {note_bytes} bytes, over the limit of {NOTE_BYTES}; say less"
    return None if kind == PDF else _flaw_of_picture(given)


def limit_bytes(media: str) -> int:
    """How many bytes of this type a model is shown at most."""
    return PDF_BYTES if media == PDF else IMAGE_BYTES


def _flaw_of_picture(given: Media) -> str | None:
    sides = sides_of(given.data, given.media)
    if sides is None or 0 in sides:
        return f"its result cannot be read as {given.media}: it is damaged"
    if max(sides) > SIDE_PIXELS:
        pixels = f"{sides[0]} × {sides[1]} pixels"
        return f"its result has {pixels}, over the limit of {SIDE_PIXELS} on a side; make it smaller, or cut it"
    return None
