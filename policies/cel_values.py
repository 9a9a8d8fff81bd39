"""What expressions compute with: limits on values, paths into them, and our own functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from policies.canonical import NotCanonical, canonical
from policies.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TEXT_BYTES: Final = 1024 * 1024
MAX_ITEMS: Final = 10_000
MAX_DEPTH: Final = 64
INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1


def kind_of(value: object) -> str:
    """A value's kind in words, for messages: never the value itself, which may be a secret."""
    if isinstance(value, Mapping):
        return "a map"
    named = {type(None): "null", bool: "a bool", int: "an int", float: "a double", str: "a text", list: "a list"}
    return named.get(type(value), f"a {type(value).__name__}")


def step_into(value: object, step: str | int) -> object:
    """One step of a path; `ExpressionError` says what is not there."""
    if isinstance(value, Mapping):
        try:
            return value[step]
        except KeyError:
            raise ExpressionError(f"there is no `{step}`") from None
    if isinstance(value, list) and type(step) is int:
        if 0 <= step < len(value):
            return value[step]
        raise ExpressionError(f"there is no element {step} in a list of {len(value)}")
    raise ExpressionError(f"there is no `{step}` in {kind_of(value)}")


def has_field(value: object, field: str) -> bool:
    """Whether a map has a field; `ExpressionError` for anything but a map."""
    if not isinstance(value, Mapping):
        raise ExpressionError(f"`has()` asks for `{field}` in {kind_of(value)}, not in a map")
    return field in value


def checked_text(text: str) -> str:
    """The text itself if it is at most 1 MiB of UTF-8."""
    if len(text) > MAX_TEXT_BYTES or (not text.isascii() and _utf8_length(text) > MAX_TEXT_BYTES):
        raise ExpressionError(f"a text of over {MAX_TEXT_BYTES} bytes")
    return text


def _utf8_length(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise ExpressionError("a text with half a surrogate pair") from None


def checked(value: object, depth: int = 0) -> object:
    """The value as plain JSON within the limits, maps rebuilt with sorted keys at every depth.

    Exact about types: a bool is no int, and whatever is not JSON is refused, as are NaN and infinity.
    """
    kind = type(value)
    if kind is bool or value is None:
        return value
    if isinstance(value, str):
        return checked_text(value)
    if kind is int or kind is float:
        return checked_number(value)
    return _checked_container(value, depth)


def _checked_container(value: object, depth: int) -> object:
    if not isinstance(value, list | tuple | Mapping):
        raise ExpressionError(f"{kind_of(value)} is not JSON")
    if depth == MAX_DEPTH:
        raise ExpressionError(f"a value nested more than {MAX_DEPTH} deep")
    if len(value) > MAX_ITEMS:
        raise ExpressionError(f"{kind_of(value)} of over {MAX_ITEMS} items")
    if isinstance(value, Mapping):
        return {key: checked(value[key], depth + 1) for key in sorted(checked_key(key) for key in value)}
    return [checked(item, depth + 1) for item in value]


def checked_key(key: object) -> str:
    """A map's key, which must be a text."""
    if not isinstance(key, str):
        raise ExpressionError(f"a map with {kind_of(key)} as a key")
    return checked_text(key)


def checked_number(value: object) -> int | float:
    """An int of 64 bits or a finite double."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError("a number that is not finite")
    if isinstance(value, int) and not INT_MIN <= value <= INT_MAX:
        raise ExpressionError("an integer that does not fit into 64 bits")
    assert isinstance(value, int | float)
    return value


def size(value: object) -> int:
    """Code points of a text, items of a list, entries of a map."""
    if isinstance(value, str | list | Mapping):
        return len(value)
    raise ExpressionError(f"`size()` of {kind_of(value)}: a text, list or map is needed")


def get(value: object, path: str, default: object) -> object:
    """The value at a dotted path in a map; the default where the path is missing or leads to null."""
    if value is not None and not isinstance(value, Mapping):
        raise ExpressionError(f"`get()` of {kind_of(value)}: a map or null is needed")
    found = _dotted(value, path)
    return default if found is None else found


def count(items: object, field: str, wanted: object) -> int:
    """How many items of a list are maps whose (dotted) field equals the value. A bool never equals a number."""
    if not isinstance(items, list):
        raise ExpressionError(f"`count()` of {kind_of(items)}: a list is needed")
    if len(items) > MAX_ITEMS:
        raise ExpressionError(f"a list of over {MAX_ITEMS} items")
    return sum(_equal(_dotted(item, field, _ABSENT), wanted) for item in items)


def to_json(value: object) -> str:
    """Canonical JSON of at most 1 MiB."""
    plain = dict(value) if isinstance(value, Mapping) else value
    _weigh(plain)
    try:
        return checked_text(canonical(plain).decode())
    except NotCanonical as error:
        raise ExpressionError(f"no canonical JSON: {error}") from None


def _weigh(value: object) -> None:
    """Refuse what cannot fit into 1 MiB before any of it is written: one text may stand in a list many times."""
    left, stack = MAX_TEXT_BYTES, [value]
    while stack:
        item = stack.pop()
        left -= len(item) + 2 if isinstance(item, str) else 1
        if isinstance(item, list | tuple):
            stack.extend(item)
        elif isinstance(item, dict):
            stack.extend(item.values())
        if left < 0:
            raise ExpressionError(f"JSON of over {MAX_TEXT_BYTES} bytes")


def join(items: object, separator: str) -> str:
    """The items with the separator between them; texts as they are, everything else as canonical JSON."""
    if not isinstance(items, list):
        raise ExpressionError(f"`join()` of {kind_of(items)}: a list is needed")
    if len(items) > MAX_ITEMS:
        raise ExpressionError(f"a list of over {MAX_ITEMS} items")
    return concatenate(items, separator)


def concatenate(pieces: Sequence[object], separator: str = "") -> str:
    """One text of at most 1 MiB; texts as they are, everything else as canonical JSON."""
    texts: list[str] = []
    left = MAX_TEXT_BYTES
    for piece in pieces:
        text = piece if isinstance(piece, str) else to_json(piece)
        left -= len(text) + (len(separator) if texts else 0)
        if left < 0:
            raise ExpressionError(f"a text of over {MAX_TEXT_BYTES} bytes")
        texts.append(text)
    return checked_text(separator.join(texts))


_ABSENT: Final = object()


def _dotted(value: object, path: str, absent: object = None) -> object:
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return absent
        value = value[step]
    return value


def _equal(one: object, other: object) -> bool:
    """Equality of JSON values: numbers by value, bools only with bools."""
    if one is _ABSENT or isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict | list) and isinstance(other, dict | list):
        return to_json(one) == to_json(other)
    return one == other
