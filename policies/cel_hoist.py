"""Splits an expression into what is computed here and what the CEL engine computes.

Paths, and our functions applied to paths and constants, are *hoisted*: computed in Python on the very
values, and bound to numbered variables. The rest is written out again as CEL text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from policies import cel_values
from policies.cel_environment import MAX_BINDINGS, NUMBER
from policies.cel_tree import SUM, Call, Chain, Choice, Entries, Group, Has, Index, Items, Literal, Path, Select, Unary
from policies.errors import ExpressionError
from policies.reading import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from policies.cel_tree import Tree

    Bindings = Mapping[str, object]
    Fetch = Callable[[Bindings], object]

WHOLE: Final = {"state": "a channel, as in `state.report`", "input": "a field, as in `input.path`"}
"""Names that are too large to be bound whole, and what to write instead."""

_SORTS: Final = {"size": "i", "count": "i", "json": "s", "join": "s", "get": "d"}
_FUNCTIONS: Final[Mapping[str, Callable[..., object]]] = {
    "size": cel_values.size,
    "count": cel_values.count,
    "json": cel_values.to_json,
    "join": cel_values.join,
    "get": cel_values.get,
}


@dataclass(frozen=True, slots=True)
class Hoist:
    """One part that is computed here: its sort (`d i s b`, see `cel_environment.SORTS`) and how to compute it."""

    sort: str
    fetch: Fetch


class Splitter:
    """Walks one tree. `paths` collects what it reads, `bound` the variables that its CEL text uses."""

    def __init__(self, names: frozenset[str] | None) -> None:
        self._names = names
        self.paths: set[Path] = set()
        self.bound: dict[str, Hoist] = {}
        self._variables: dict[Tree, str] = {}

    def hoist(self, tree: Tree) -> Hoist | None:
        """How to compute a tree here, null if it takes the engine."""
        match tree:
            case Group(inner):
                return self.hoist(inner)
            case Literal(_, value, True):
                return Hoist("d", lambda _: value)
            case Path():
                return Hoist("d", self._path(tree))
            case Has(Path() as path):
                return Hoist("b", self._has(path))
            case Call():
                return self._call(tree)
            case Items(items):
                return self._items(items)
            case Entries(entries):
                return self._entries(entries)
            case _:
                return None

    def _path(self, path: Path, *, whole: bool = False) -> Fetch:
        if self._names is not None and path.name not in self._names:
            hint = nearest(path.name, sorted(self._names))
            raise ExpressionError(f"`{path.name}` is not known here" + (f"; {hint}" if hint else ""))
        if not path.steps and path.name in WHOLE and not whole:
            raise ExpressionError(f"`{path.name}` may not be read whole except by `json()`; name {WHOLE[path.name]}")
        self.paths.add(Path(path.name, path.steps))
        return fetcher(path)

    def _has(self, path: Path) -> Fetch:
        self._path(path)
        inner, last = fetcher(Path(path.name, path.steps[:-1])), str(path.steps[-1])
        return lambda bindings: cel_values.has_field(inner(bindings), last)

    def _call(self, call: Call) -> Hoist | None:
        function = _FUNCTIONS.get(call.name)
        args = (*(() if call.receiver is None else (call.receiver,)), *call.args)
        if function is None:
            return None
        if call.name == "json" and isinstance(args[0], Path):
            fetches = [self._path(args[0], whole=True)]
        else:
            found = [self.hoist(arg) for arg in args]
            fetches = [hoist.fetch for hoist in found if hoist is not None]
        if len(fetches) < len(args):
            return None
        return Hoist(_SORTS[call.name], _applied(call.name, function, fetches))

    def _items(self, items: tuple[Tree, ...]) -> Hoist | None:
        found = [hoist.fetch for hoist in map(self.hoist, items) if hoist is not None]
        if len(found) < len(items):
            return None
        return Hoist("d", lambda bindings: [fetch(bindings) for fetch in found])

    def _entries(self, entries: tuple[tuple[Literal, Tree], ...]) -> Hoist | None:
        if not all(key.plain for key, _ in entries):
            return None
        ordered = sorted(entries, key=lambda entry: str(entry[0].value))
        found = [(str(key.value), hoist.fetch) for key, tree in ordered if (hoist := self.hoist(tree)) is not None]
        if len(found) < len(entries):
            return None
        return Hoist("d", lambda bindings: {key: fetch(bindings) for key, fetch in found})

    def write(self, tree: Tree) -> str:
        """The tree as CEL text, with a variable in place of every part that is computed here."""
        if isinstance(tree, Path | Has | Call):
            hoist = self.hoist(tree)
            if hoist is not None:
                return self._variable(tree, hoist)
        match tree:
            case Literal(text):
                return text
            case Group(inner):
                return f"({self.write(inner)})"
            case Unary(signs, operand):
                return signs + self.write(operand)
            case Chain():
                return self._chain(tree)
            case Choice(condition, yes, no):
                return f"{self.write(condition)} ? {self.write(yes)} : {self.write(no)}"
            case _:
                return self._container(tree)

    def _container(self, tree: Tree) -> str:
        match tree:
            case Items(items):
                return f"[{', '.join(map(self.write, items))}]"
            case Entries(entries):
                return "{" + ", ".join(f"{key.text}: {self.write(value)}" for key, value in entries) + "}"
            case Index(operand, key):
                return f"{self.write(operand)}[{self.write(key)}]"
            case Select(operand, name):
                return f"{self.write(operand)}.{name}"
            case Has(target):
                return f"has({self.write(target)})"
            case _:
                assert isinstance(tree, Call)
                receiver = "" if tree.receiver is None else f"{self.write(tree.receiver)}."
                return f"{receiver}{tree.name}({', '.join(map(self.write, tree.args))})"

    def _chain(self, chain: Chain) -> str:
        """Arithmetic is guarded: CEL would add two dynamic texts or lists, and divides doubles by zero."""
        texts = [self.write(operand) for operand in chain.operands]
        if chain.level >= SUM:
            ints = [_is_int(operand) for operand in chain.operands]
            if "+" in chain.signs and not any(_is_number(operand) for operand in chain.operands[:2]):
                texts[0] = f"{NUMBER}({texts[0]})"
            text = _joined(texts, chain.signs)
            return text if any(ints) else f"{NUMBER}({text})"
        return _joined(texts, chain.signs)

    def _variable(self, tree: Tree, hoist: Hoist) -> str:
        if tree not in self._variables:
            if len(self._variables) == MAX_BINDINGS:
                raise ExpressionError(f"the expression reads more than {MAX_BINDINGS} values")
            name = f"{hoist.sort}{len(self._variables)}"
            self._variables[tree] = name
            self.bound[name] = hoist
        return self._variables[tree]


def fetcher(path: Path) -> Fetch:
    """Reads the value at a path; `ExpressionError` says which name or step is not there."""
    name, steps = path.name, path.steps

    def fetch(bindings: Bindings) -> object:
        try:
            value = bindings[name]
        except KeyError:
            raise ExpressionError(f"`{name}` has no value here") from None
        for step in steps:
            value = value[step] if type(value) is dict and step in value else _step(path, value, step)
        return value

    return fetch


def _step(path: Path, value: object, step: str | int) -> object:
    try:
        return cel_values.step_into(value, step)
    except ExpressionError as error:
        raise ExpressionError(f"`{path}`: {error}") from None


def _applied(name: str, function: Callable[..., object], fetches: list[Fetch]) -> Fetch:
    if len(fetches) == 1:
        only = fetches[0]
        return lambda bindings: function(only(bindings))
    return lambda bindings: function(*_checked_args(name, [fetch(bindings) for fetch in fetches]))


def _checked_args(name: str, args: list[object]) -> list[object]:
    if not isinstance(args[1], str):
        raise ExpressionError(f"the second argument of `{name}()` is {cel_values.kind_of(args[1])}, not a text")
    return args


def _joined(texts: list[str], signs: tuple[str, ...]) -> str:
    return texts[0] + "".join(f" {sign} {text}" for sign, text in zip(signs, texts[1:], strict=True))


def _is_int(tree: Tree) -> bool:
    match tree:
        case Literal(_, value):
            return type(value) is int
        case Unary("-", operand) | Group(operand):
            return _is_int(operand)
        case Call(name):
            return name in ("size", "count")
        case _:
            return False


def _is_number(tree: Tree) -> bool:
    return _is_int(tree) or (isinstance(tree, Literal) and type(tree.value) is float)
