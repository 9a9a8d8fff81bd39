"""Computes simple conditions over a call's facts in Python, some ten times as fast as the engine.

What is not simple has no closure, and a closure that meets anything odd (a type that does not fit, a fact
that is not there) raises `Unsure`: then the engine decides. So every answer is the engine's own.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Final, NamedTuple

from policies.cel_tree import SUM, Call, Chain, Group, Has, Items, Literal, Path, Unary
from policies.cel_values import INT_MAX, INT_MIN, checked
from policies.rule_facts import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from policies.cel_environment import Fetch
    from policies.cel_tree import Tree

    Bindings = Mapping[str, object]
    Sorts = Mapping[str, object]

EXACT: Final = 2**53
"""Larger integers are not compared with doubles here."""
_ORDERS: Final[Mapping[str, Callable[..., object]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_METHODS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}
_KINDS: Final = {str: "text", int: "number", float: "number", bool: "bool"}


class Unsure(Exception):
    """The engine must decide."""


class Part(NamedTuple):
    """A computed part: `text`, `number`, `bool`, `texts` where that is known, else `any`."""

    sort: str
    fetch: Fetch


def closure(tree: Tree, sorts: Sorts) -> Fetch | None:
    """The condition as a function of its bindings that gives a bool; null where it takes the engine.

    `sorts` says what the names are: a sort, or a mapping from fields to sorts.
    """
    try:
        return _truth(_part(tree, sorts))
    except Unsure:
        return None


def _part(tree: Tree, sorts: Sorts) -> Part:
    match tree:
        case Group(inner):
            return _part(inner, sorts)
        case Literal(_, value, True):
            return _literal(value)
        case Path():
            return _path(tree, sorts)
        case Unary(signs, operand) if set(signs) == {"!"}:
            truth, odd = _truth(_part(operand, sorts)), len(signs) % 2 == 1
            return Part("bool", lambda bindings: truth(bindings) is not odd)
        case Chain():
            return _chain(tree, sorts)
        case Call():
            return _call(tree, sorts)
        case _:
            return _rarer(tree)


def _rarer(tree: Tree) -> Part:
    match tree:
        case Has(Path() as path):
            return Part("bool", _has(_walk(Path(path.name, path.steps[:-1])), str(path.steps[-1])))
        case Items(items) if all(isinstance(item, Literal) and item.plain for item in items):
            values = [item.value for item in items if isinstance(item, Literal)]
            return Part("any", lambda _: values)
        case _:
            raise Unsure


def _has(walk: Fetch, field: str) -> Fetch:
    def has(bindings: Bindings) -> object:
        value = walk(bindings)
        if type(value) in {dict, Arguments}:
            return field in value  # type: ignore[operator] # a mapping
        raise Unsure

    return has


def _literal(value: object) -> Part:
    if type(value) is int and abs(value) > EXACT:
        raise Unsure
    return Part(_KINDS.get(type(value), "any"), lambda _: value)


def _path(path: Path, sorts: Sorts) -> Part:
    sort, walk = _sort_of(path, sorts), _walk(path)
    if sort == "any":
        return Part(sort, lambda bindings: checked(walk(bindings)))
    if len(path.steps) != 1:
        return Part(sort, walk)
    name, step = path.name, path.steps[0]
    return Part(sort, lambda bindings: bindings[name][step])  # type: ignore[index] # every fact of a known sort is bound


def _walk(path: Path) -> Fetch:
    """Reads the value at a path, where it is there and nothing on the way is odd."""
    name, steps = path.name, path.steps

    def walk(bindings: Bindings) -> object:
        value = bindings[name]
        for step in steps:
            if type(step) is int and type(value) is not list:
                raise Unsure
            try:
                value = value[step]  # type: ignore[index] # what has no items raises
            except (LookupError, TypeError):
                raise Unsure from None
        return value

    return walk


def _sort_of(path: Path, sorts: Sorts) -> str:
    found: object = sorts.get(path.name)
    for step in path.steps:
        if found == "numbers":
            return "number" if isinstance(step, str) else "any"
        found = found.get(str(step)) if isinstance(found, dict) else None
    return found if isinstance(found, str) and found in {"text", "number", "texts"} else "any"


def _chain(chain: Chain, sorts: Sorts) -> Part:
    operands = [_part(operand, sorts) for operand in chain.operands]
    if chain.level == 0:
        return Part("bool", _either([_truth(part) for part in operands]))
    if chain.level == 1:
        return Part("bool", _both([_truth(part) for part in operands]))
    if chain.level >= SUM:
        return Part("number", _reckoned(operands, chain.signs))
    if len(operands) > 2:  # noqa: PLR2004 # `a < b < c` compares a bool
        raise Unsure
    one, other, sign = *operands, chain.signs[0]
    if sign == "in":
        return Part("bool", _within(one, other))
    if sign in _ORDERS:
        return Part("bool", _ordered(one, other, _ORDERS[sign]))
    return Part("bool", _equal(one, other, wanted=sign == "=="))


def _truth(part: Part) -> Callable[[Bindings], bool]:
    fetch = part.fetch
    if part.sort == "bool":
        return fetch  # type: ignore[return-value] # the sort says so
    if part.sort != "any":
        raise Unsure

    def truth(bindings: Bindings) -> bool:
        value = fetch(bindings)
        if value is True or value is False:
            return value
        raise Unsure

    return truth


def _both(truths: list[Callable[[Bindings], bool]]) -> Fetch:
    if len(truths) == 2:  # noqa: PLR2004 # the usual case, without a loop
        one, other = truths
        return lambda bindings: one(bindings) and other(bindings)
    return lambda bindings: all(truth(bindings) for truth in truths)


def _either(truths: list[Callable[[Bindings], bool]]) -> Fetch:
    if len(truths) == 2:  # noqa: PLR2004 # the usual case, without a loop
        one, other = truths
        return lambda bindings: one(bindings) or other(bindings)
    return lambda bindings: any(truth(bindings) for truth in truths)


def _ordered(one: Part, other: Part, order: Callable[..., object]) -> Fetch:
    left, right = one.fetch, other.fetch
    if one.sort == other.sort and one.sort in {"number", "text"}:
        return lambda bindings: order(left(bindings), right(bindings))

    def ordered(bindings: Bindings) -> object:
        values = left(bindings), right(bindings)
        kind = _kind(values[0])
        if kind != "bool" and kind == _kind(values[1]):
            return order(*values)
        raise Unsure

    return ordered


def _equal(one: Part, other: Part, *, wanted: bool) -> Fetch:
    left, right = one.fetch, other.fetch
    if one.sort == other.sort and one.sort in {"number", "text"}:
        return lambda bindings: (left(bindings) == right(bindings)) is wanted

    def equal(bindings: Bindings) -> object:
        values = left(bindings), right(bindings)
        same = _kind(values[0]) == _kind(values[1])
        return (same and values[0] == values[1]) is wanted

    return equal


def _kind(value: object) -> str:
    """What a value is compared as: a text, a bool, or a number of a size that a double has exactly."""
    kind = _KINDS.get(type(value))
    if kind is None or (type(value) is int and abs(value) > EXACT):
        raise Unsure
    return kind


def _within(one: Part, other: Part) -> Fetch:
    item, items = one.fetch, other.fetch

    def within(bindings: Bindings) -> object:
        value, found = item(bindings), items(bindings)
        if type(value) is str and type(found) in {list, dict}:
            return value in found  # type: ignore[operator] # a list or a dict
        raise Unsure

    return within


def _call(call: Call, sorts: Sorts) -> Part:
    args = [_part(arg, sorts) for arg in ((call.receiver,) if call.receiver else ()) + call.args]
    if call.name == "size":
        return Part("number", _size(args[0].fetch))
    if call.name not in _METHODS:
        raise Unsure
    method, (text, piece) = _METHODS[call.name], args

    def applied(bindings: Bindings) -> object:
        values = text.fetch(bindings), piece.fetch(bindings)
        if type(values[0]) is str and type(values[1]) is str:
            return method(values[0], values[1])
        raise Unsure

    return Part("bool", applied)


def _size(fetch: Fetch) -> Fetch:
    def size(bindings: Bindings) -> object:
        value = fetch(bindings)
        if type(value) in {str, list, dict}:
            return len(value)  # type: ignore[arg-type] # a text, a list or a dict
        raise Unsure

    return size


def _reckoned(parts: list[Part], signs: tuple[str, ...]) -> Fetch:
    """A row of `+` and `-` over integers; doubles are the engine's."""
    if not {"+", "-"}.issuperset(signs):
        raise Unsure
    rest = [(1 if sign == "+" else -1, part.fetch) for sign, part in zip(signs, parts[1:], strict=True)]
    first = parts[0].fetch

    def reckoned(bindings: Bindings) -> object:
        total = _int(first(bindings))
        for factor, term in rest:
            total += factor * _int(term(bindings))
            if not INT_MIN <= total <= INT_MAX:
                raise Unsure
        return total

    return reckoned


def _int(value: object) -> int:
    if type(value) is int:
        return value
    raise Unsure
