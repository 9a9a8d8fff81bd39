"""The operators of simple conditions, over parts that are computed in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from policies.cel_values import INT_MAX, INT_MIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from policies.cel_environment import Fetch

    Bindings = Mapping[str, object]

EXACT: Final = 2**53
"""Larger integers are not compared with doubles here."""
_HOLDERS: Final = frozenset({list, dict})
_SIZED: Final = frozenset({str, list, dict})
KINDS: Final = {str: "text", int: "number", float: "number", bool: "bool"}


class Unsure(Exception):
    """The engine must decide."""


class Part(NamedTuple):
    """A computed part: `text`, `number`, `bool`, `texts` where that is known, else `any`."""

    sort: str
    fetch: Fetch


def truth(part: Part) -> Callable[[Bindings], bool]:
    """The part as a condition; `Unsure` if it can never be one."""
    fetch = part.fetch
    if part.sort == "bool":
        return fetch  # type: ignore[return-value] # the sort says so
    if part.sort != "any":
        raise Unsure

    def compute(bindings: Bindings) -> bool:
        value = fetch(bindings)
        if value is True or value is False:
            return value
        raise Unsure

    return compute


def both(truths: list[Callable[[Bindings], bool]]) -> Fetch:
    """Whether all conditions hold, asked one after the other until one does not."""
    if len(truths) == 2:  # noqa: PLR2004 # the usual case, without a loop
        one, other = truths
        return lambda bindings: one(bindings) and other(bindings)
    return lambda bindings: all(condition(bindings) for condition in truths)


def either(truths: list[Callable[[Bindings], bool]]) -> Fetch:
    """Whether any condition holds, asked one after the other until one does."""
    if len(truths) == 2:  # noqa: PLR2004 # the usual case, without a loop
        one, other = truths
        return lambda bindings: one(bindings) or other(bindings)
    return lambda bindings: any(condition(bindings) for condition in truths)


def ordered(one: Part, other: Part, order: Callable[..., object]) -> Fetch:
    """Whether one value stands in an order to the other."""
    left, right = one.fetch, other.fetch
    if one.sort == other.sort and one.sort in {"number", "text"}:
        return lambda bindings: order(left(bindings), right(bindings))

    def compute(bindings: Bindings) -> object:
        values = left(bindings), right(bindings)
        kind = _kind(values[0])
        if kind != "bool" and kind == _kind(values[1]):
            return order(*values)
        raise Unsure

    return compute


def equal(one: Part, other: Part, *, wanted: bool) -> Fetch:
    """Whether two values are equal, or that they are not."""
    left, right = one.fetch, other.fetch
    if one.sort == other.sort and one.sort in {"number", "text"}:
        return lambda bindings: (left(bindings) == right(bindings)) is wanted

    def compute(bindings: Bindings) -> object:
        values = left(bindings), right(bindings)
        same = _kind(values[0]) == _kind(values[1])
        return (same and values[0] == values[1]) is wanted

    return compute


def _kind(value: object) -> str:
    """What a value is compared as: a text, a bool, or a number of a size that a double has exactly."""
    kind = KINDS.get(type(value))
    if kind is None or (type(value) is int and abs(value) > EXACT):
        raise Unsure
    return kind


def within(one: Part, other: Part) -> Fetch:
    """Whether a text is an item of a list, or a key of a map."""
    item, items = one.fetch, other.fetch

    def compute(bindings: Bindings) -> object:
        value, found = item(bindings), items(bindings)
        if type(value) is str and type(found) in _HOLDERS:
            return value in found  # type: ignore[operator] # a list or a dict
        raise Unsure

    return compute


def size(fetch: Fetch) -> Fetch:
    """How many characters, items or entries there are."""

    def compute(bindings: Bindings) -> object:
        value = fetch(bindings)
        if type(value) in _SIZED:
            return len(value)  # type: ignore[arg-type] # a text, a list or a dict
        raise Unsure

    return compute


def reckoned(parts: list[Part], signs: tuple[str, ...]) -> Fetch:
    """A row of `+` and `-` over integers; doubles are the engine's."""
    if not {"+", "-"}.issuperset(signs):
        raise Unsure
    rest = [(1 if sign == "+" else -1, part.fetch) for sign, part in zip(signs, parts[1:], strict=True)]
    first = parts[0].fetch

    def compute(bindings: Bindings) -> object:
        total = _int(first(bindings))
        for factor, term in rest:
            total += factor * _int(term(bindings))
            if not INT_MIN <= total <= INT_MAX:
                raise Unsure
        return total

    return compute


def _int(value: object) -> int:
    if type(value) is int:
        return value
    raise Unsure


def chosen(condition: Callable[[Bindings], bool], yes: Fetch, no: Fetch) -> Fetch:
    """One of two values."""
    return lambda bindings: yes(bindings) if condition(bindings) else no(bindings)


def applied(method: Callable[[str, str], bool], one: Fetch, other: Fetch) -> Fetch:
    """A question about two texts."""

    def compute(bindings: Bindings) -> object:
        text, piece = one(bindings), other(bindings)
        if type(text) is str and type(piece) is str:
            return method(text, piece)
        raise Unsure

    return compute
