"""One segment of a conversation as bytes, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from activities.ports import BlobDamaged, BlobError
from policies.canonical import NotCanonical, canonical
from workflows.contracts.conversation import Message

VERSION = 1
LEAP = 32
"""Every so many segments one lists those before it."""
_MESSAGES = TypeAdapter(tuple[Message, ...])


@dataclass(frozen=True, slots=True)
class Segment:
    """Part of a conversation. `n` counts from 1, `prev` is the digest of the one before, `back` those before a leap."""

    n: int
    prev: str | None
    back: tuple[str, ...]
    system: str | None
    messages: tuple[Message, ...]


def write_segment(before: Sequence[str], messages: Sequence[Message], system: str | None) -> bytes:
    """The canonical bytes of the segment that comes after those with the digests `before`; the same ones every time."""
    n = len(before) + 1
    fields: dict[str, object] = {
        "v": VERSION,
        "n": n,
        "prev": before[-1] if before else None,
        "back": list(before[-LEAP:]) if n % LEAP == 0 else [],
        "messages": [message.model_dump(mode="json", exclude_defaults=True) for message in messages],
    }
    if system is not None:
        fields["system"] = system
    try:
        return canonical(fields)
    except NotCanonical as error:
        raise BlobError(f"a message of the conversation cannot be kept as JSON: {error}") from None


def read_segment(data: bytes) -> Segment:
    """The segment that bytes are; `BlobDamaged` for bytes that are none, or of a version that we do not know."""
    try:
        found = json.loads(data)
        if found["v"] != VERSION:
            raise BlobDamaged(f"it is of version {found['v']}, and this worker knows {VERSION}: update it")
        return Segment(
            int(found["n"]),
            found["prev"],
            tuple(found["back"]),
            found.get("system"),
            _MESSAGES.validate_python(found["messages"]),
        )
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise BlobDamaged(f"it is no segment of a conversation ({type(error).__name__})") from None


def digest_of(data: bytes) -> str:
    """What bytes are known by."""
    return hashlib.sha256(data).hexdigest()
