"""Computes simple conditions over a call's facts in Python, some ten times as fast as the engine.

What is not simple has no closure, and a closure that meets anything odd (a type that does not fit, a fact
that is not there) raises `Unsure`: then the engine decides. So every answer is the engine's own.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Final

from policies.cel_operations import (
    EXACT,
    KINDS,
    Part,
    Unsure,
    applied,
    both,
    chosen,
    either,
    equal,
    ordered,
    reckoned,
    size,
    truth,
    within,
)
from policies.cel_tree import SUM, Call, Chain, Choice, Group, Has, Items, Literal, Path, Unary
from policies.cel_values import checked, get, to_json
from policies.rule_facts import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from policies.cel_environment import Fetch
    from policies.cel_tree import Tree

    Bindings = Mapping[str, object]
    Sorts = Mapping[str, object]

_ORDERS: Final[Mapping[str, Callable[..., object]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MAPPINGS: Final = frozenset({dict, Arguments})
_METHODS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}


def closure(tree: Tree, sorts: Sorts) -> Fetch | None:
    """The condition as a function of its bindings that gives a bool; null where it takes the engine.

    `sorts` says what the names are: a sort, or a mapping from fields to sorts.
    """
    try:
        return truth(_part(tree, sorts))
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
            holds, odd = truth(_part(operand, sorts)), len(signs) % 2 == 1
            return Part("bool", lambda bindings: holds(bindings) is not odd)
        case Chain():
            return _chain(tree, sorts)
        case Call():
            return _call(tree, sorts)
        case _:
            return _rarer(tree, sorts)


def _rarer(tree: Tree, sorts: Sorts) -> Part:
    match tree:
        case Has(Path() as path):
            return Part("bool", _has(_walk(Path(path.name, path.steps[:-1])), str(path.steps[-1])))
        case Items(items) if all(isinstance(item, Literal) and item.plain for item in items):
            values = [item.value for item in items if isinstance(item, Literal)]
            return Part("any", lambda _: values)
        case Choice(condition, yes, no):
            one, other = _part(yes, sorts), _part(no, sorts)
            sort = one.sort if one.sort == other.sort else "any"
            return Part(sort, chosen(truth(_part(condition, sorts)), one.fetch, other.fetch))
        case _:
            raise Unsure


def _has(walk: Fetch, field: str) -> Fetch:
    def compute(bindings: Bindings) -> object:
        value = walk(bindings)
        if type(value) in _MAPPINGS:
            return field in value  # type: ignore[operator] # a mapping
        raise Unsure

    return compute


def _literal(value: object) -> Part:
    if type(value) is int and abs(value) > EXACT:
        raise Unsure
    return Part(KINDS.get(type(value), "any"), lambda _: value)


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

    def compute(bindings: Bindings) -> object:
        value = bindings[name]
        for step in steps:
            if type(step) is int and type(value) is not list:
                raise Unsure
            try:
                value = value[step]  # type: ignore[index] # what has no items raises
            except (LookupError, TypeError):
                raise Unsure from None
        return value

    return compute


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
        return Part("bool", either([truth(part) for part in operands]))
    if chain.level == 1:
        return Part("bool", both([truth(part) for part in operands]))
    if chain.level >= SUM:
        return Part("number", reckoned(operands, chain.signs))
    if len(operands) > 2:  # noqa: PLR2004 # `a < b < c` compares a bool
        raise Unsure
    one, other, sign = *operands, chain.signs[0]
    if sign == "in":
        return Part("bool", within(one, other))
    if sign in _ORDERS:
        return Part("bool", ordered(one, other, _ORDERS[sign]))
    return Part("bool", equal(one, other, wanted=sign == "=="))


def _call(call: Call, sorts: Sorts) -> Part:
    args = [_part(arg, sorts) for arg in ((call.receiver,) if call.receiver else ()) + call.args]
    if call.name == "size":
        return Part("number", size(args[0].fetch))
    if call.name == "get" and isinstance(call.args[0], Path):
        return Part("any", _looked_up(_walk(call.args[0]), args[1].fetch, args[2].fetch))
    if call.name == "json" and isinstance(call.args[0], Path):
        walk = _walk(call.args[0])
        return Part("text", lambda bindings: to_json(walk(bindings)))
    if call.name not in _METHODS:
        raise Unsure
    return Part("bool", applied(_METHODS[call.name], args[0].fetch, args[1].fetch))


def _looked_up(walk: Fetch, path: Fetch, default: Fetch) -> Fetch:
    def compute(bindings: Bindings) -> object:
        steps = path(bindings)
        if type(steps) is not str:
            raise Unsure
        return checked(get(walk(bindings), steps, default(bindings)))

    return compute
