"""How a write becomes part of a channel's value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.canonical import NotCanonical, canonical

if TYPE_CHECKING:
    from collections.abc import Callable

INT64_MAX: Final = 2**63 - 1
INT64_MIN: Final = -(2**63)

DEFAULTS: Final[dict[str, object]] = {"append": [], "extend": [], "union": [], "messages": [], "merge": {}, "add": 0}
"""What a channel starts with when the document gives no `initial`; null for every other reducer."""


class CannotReduce(ValueError):
    """The value does not fit the channel's reducer."""


def reduce(reducer: str, old: object, value: object, *, owned: bool) -> object:
    """The channel's value after a write.

    `owned` says that nobody else holds `old`, so that lists and maps may grow in place; without it
    they are copied. Raises `CannotReduce` before anything has changed.
    """
    return _REDUCERS[reducer](old, value, owned)


def _last(old: object, value: object, owned: bool) -> object:  # noqa: FBT001, ARG001  one shape for the table
    return value


def _list(old: object, owned: bool) -> list[object]:  # noqa: FBT001
    if not isinstance(old, list):
        raise CannotReduce(f"the channel holds {_kind(old)}, not a list")
    return old if owned else list(old)


def _items(value: object) -> list[object]:
    if not isinstance(value, list):
        raise CannotReduce(f"a list is needed, got {_kind(value)}; write to an `append` channel to add one item")
    return value


def _append(old: object, value: object, owned: bool) -> object:  # noqa: FBT001
    grown = _list(old, owned)
    grown.append(value)
    return grown


def _extend(old: object, value: object, owned: bool) -> object:  # noqa: FBT001
    items = _items(value)
    grown = _list(old, owned)
    grown.extend(items)
    return grown


def _union(old: object, value: object, owned: bool) -> object:  # noqa: FBT001
    items = _items(value)
    try:
        seen = {canonical(item) for item in _list(old, True)}  # noqa: FBT003  read only
        fresh = []
        for item in items:
            key = canonical(item)
            if key not in seen:
                seen.add(key)
                fresh.append(item)
    except NotCanonical as error:
        raise CannotReduce(f"an item cannot be compared: {error}") from error
    grown = _list(old, owned)
    grown.extend(fresh)
    return grown


def _merge(old: object, value: object, owned: bool) -> object:  # noqa: FBT001
    if not isinstance(value, dict):
        raise CannotReduce(f"a map is needed, got {_kind(value)}")
    if not isinstance(old, dict):
        raise CannotReduce(f"the channel holds {_kind(old)}, not a map")
    if owned:
        old.update(value)
        return old
    return {**old, **value}


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CannotReduce(f"a number is needed, got {_kind(value)}")
    return value


def _add(old: object, value: object, owned: bool) -> object:  # noqa: FBT001, ARG001
    total = (0 if old is None else _number(old)) + _number(value)
    if isinstance(total, int) and not INT64_MIN <= total <= INT64_MAX:
        raise CannotReduce("the sum leaves 64 bits")
    if isinstance(total, float) and (total != total or total in (float("inf"), float("-inf"))):  # noqa: PLR0124  NaN
        raise CannotReduce("the sum is not a finite number")
    return total


def _max(old: object, value: object, owned: bool) -> object:  # noqa: FBT001, ARG001
    return _number(value) if old is None else max(_number(old), _number(value))


def _min(old: object, value: object, owned: bool) -> object:  # noqa: FBT001, ARG001
    return _number(value) if old is None else min(_number(old), _number(value))


def _kind(value: object) -> str:
    return (
        "null"
        if value is None
        else {"dict": "a map", "list": "a list", "str": "a text"}.get(type(value).__name__, f"a {type(value).__name__}")
    )


_REDUCERS: Final[dict[str, Callable[[object, object, bool], object]]] = {
    "last": _last,
    "append": _append,
    "extend": _extend,
    "union": _union,
    "merge": _merge,
    "add": _add,
    "max": _max,
    "min": _min,
}
