"""Objects in which a key stands twice: of the two values one would be lost without a word."""

from __future__ import annotations

import json


class TwinKey(ValueError):
    """A key stands twice in one object; the message names it."""


def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object as it was written, for `json.loads`; `TwinKey` where a key stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twin = next(key for key in keys if keys.count(key) > 1)
        raise TwinKey(f"the key `{twin[:80]}` stands twice in one object")
    return found


def refuse_twins(data: bytes) -> None:
    """Raise `TwinKey` if a key stands twice in an object of this JSON; what is no JSON is for others to refuse."""
    try:
        json.loads(data, object_pairs_hook=once)
    except TwinKey:
        raise
    except (ValueError, RecursionError):
        return
