"""How a write becomes part of a channel's value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policies.canonical import NotCanonical, canonical

if TYPE_CHECKING:
    from collections.abc import Callable

INT64_MAX: Final = 2**63 - 1
INT64_MIN: Final = -(2**63)

DEFAULTS: Final[dict[str, object]] = {"append": [], "extend": [], "union": [], "merge": {}, "add": 0}
"""What a channel starts with when the document gives no `initial`; null for every other reducer."""


class CannotReduce(ValueError):
    """The value does not fit the channel's reducer."""


def reduce(reducer: str, old: object, value: object, *, owned: bool) -> object:
    """The channel's value after a write.

    `owned` says that nobody else holds `old`, so that lists and maps may grow in place; without it
    they are copied. Raises `CannotReduce` before anything has changed.
    """
    return _REDUCERS[reducer](_Write(old, value, owned))


@dataclass(frozen=True, slots=True)
class _Write:
    old: object
    value: object
    owned: bool

    def grown(self) -> list[object]:
        """The old list, free to grow."""
        if not isinstance(self.old, list):
            raise CannotReduce(f"the channel holds {_kind(self.old)}, not a list")
        return self.old if self.owned else list(self.old)

    def items(self) -> list[object]:
        """The written list."""
        if not isinstance(self.value, list):
            got = _kind(self.value)
            raise CannotReduce(f"a list is needed, got {got}; write to an `append` channel to add one item")
        return self.value


def _last(write: _Write) -> object:
    return write.value


def _append(write: _Write) -> object:
    grown = write.grown()
    grown.append(write.value)
    return grown


def _extend(write: _Write) -> object:
    items = write.items()
    grown = write.grown()
    grown.extend(items)
    return grown


def _union(write: _Write) -> object:
    items = write.items()
    grown = write.grown()
    try:
        keys = [canonical(item) for item in items]
        seen = {canonical(item) for item in grown}
    except NotCanonical as error:
        raise CannotReduce(f"an item cannot be compared: {error}") from error
    for key, item in zip(keys, items, strict=True):
        if key not in seen:
            seen.add(key)
            grown.append(item)
    return grown


def _merge(write: _Write) -> object:
    if not isinstance(write.value, dict):
        raise CannotReduce(f"a map is needed, got {_kind(write.value)}")
    if not isinstance(write.old, dict):
        raise CannotReduce(f"the channel holds {_kind(write.old)}, not a map")
    if not write.owned:
        return {**write.old, **write.value}
    write.old.update(write.value)
    return write.old


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CannotReduce(f"a number is needed, got {_kind(value)}")
    return value


def _add(write: _Write) -> object:
    try:
        total = (0 if write.old is None else _number(write.old)) + _number(write.value)
    except OverflowError:
        raise CannotReduce("the sum is too large for a double") from None
    if isinstance(total, int) and not INT64_MIN <= total <= INT64_MAX:
        raise CannotReduce("the sum leaves 64 bits")
    if isinstance(total, float) and not math.isfinite(total):
        raise CannotReduce("the sum is not a finite number")
    return total


def _max(write: _Write) -> object:
    return _number(write.value) if write.old is None else max(_number(write.old), _number(write.value))


def _min(write: _Write) -> object:
    return _number(write.value) if write.old is None else min(_number(write.old), _number(write.value))


def _kind(value: object) -> str:
    named = {"NoneType": "null", "dict": "a map", "list": "a list", "str": "a text", "bool": "a bool"}
    return named.get(type(value).__name__, "a number")


_REDUCERS: Final[dict[str, Callable[[_Write], object]]] = {
    "last": _last,
    "append": _append,
    "extend": _extend,
    "union": _union,
    "merge": _merge,
    "add": _add,
    "max": _max,
    "min": _min,
}
