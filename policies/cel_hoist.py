"""Splits an expression into what is computed here and what the CEL engine computes.

Paths and our own functions are computed in Python on the very values, and bound to numbered variables of
the CEL text that is left. Each arithmetic formula is a text of its own: it is given numbers only, and its
result must be a finite number before anything compares it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies import cel_values
from policies.cel_environment import MAX_BINDINGS, Part, compile_text
from policies.cel_tree import SUM, Call, Chain, Choice, Entries, Group, Has, Index, Items, Literal, Path, Select, Unary
from policies.errors import ExpressionError
from policies.reading import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from policies.cel_environment import Fetch
    from policies.cel_tree import Tree

    Bindings = Mapping[str, object]

WHOLE: Final = {"state": "a channel, as in `state.report`", "input": "a field, as in `input.path`"}
"""Names that are too large to be bound whole, and what to write instead."""

_NOT_NUMBERS: Final = {"s": "a text", "b": "a bool", "j": "a list, a map or null"}
_SORTS: Final = {"size": "i", "count": "i", "json": "s", "join": "s", "get": "d"}
_FUNCTIONS: Final[Mapping[str, Callable[..., object]]] = {
    "size": cel_values.size,
    "count": cel_values.count,
    "json": cel_values.to_json,
    "join": cel_values.join,
    "get": cel_values.get,
}


class Splitter:
    """Makes the parts of one expression; `paths` collects what they read. `names` null allows any name."""

    def __init__(self, names: frozenset[str] | None) -> None:
        self._names = names
        self.paths: set[Path] = set()

    def part(self, tree: Tree) -> Part:
        """How to compute a tree: here if that is possible, else in the engine. `ExpressionError` if it is wrong."""
        here = self.here(tree)
        if here is not None:
            return here
        text = _Text(self)
        return compile_text(text.write(tree), text.bound)

    def here(self, tree: Tree) -> Part | None:
        """How to compute a tree in Python, null if it takes the engine."""
        match tree:
            case Group(inner):
                return self.here(inner)
            case Literal(_, value, True):
                return Part("d", lambda _: value)
            case Path():
                return Part("d", self._path(tree))
            case Has(Path() as path):
                return Part("b", self._has(path))
            case Chain(level) if level >= SUM:
                return self._formula(tree)
            case _:
                return self._built(tree)

    def _built(self, tree: Tree) -> Part | None:
        match tree:
            case Call():
                return self._call(tree)
            case Items(items):
                return self._items(items)
            case Entries(entries):
                return self._entries(entries)
            case _:
                return None

    def _formula(self, chain: Chain) -> Part:
        text = _Text(self)
        return compile_text(text.formula(chain), text.bound)

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

    def _call(self, call: Call) -> Part | None:
        function = _FUNCTIONS.get(call.name)
        if function is None:
            return None
        args = call.args if call.receiver is None else (call.receiver, *call.args)
        if call.name == "json" and isinstance(args[0], Path):
            fetches = [self._path(args[0], whole=True)]
        else:
            fetches = [self.part(arg).fetch for arg in args]
        return Part(_SORTS[call.name], _applied(call.name, function, fetches))

    def _items(self, items: tuple[Tree, ...]) -> Part | None:
        found = [part.fetch for part in map(self.here, items) if part is not None]
        if len(found) < len(items):
            return None
        return Part("j", lambda bindings: [fetch(bindings) for fetch in found])

    def _entries(self, entries: tuple[tuple[Literal, Tree], ...]) -> Part | None:
        if not all(key.plain for key, _ in entries):
            return None
        ordered = sorted(entries, key=lambda entry: str(entry[0].value))
        found = [(str(key.value), part.fetch) for key, tree in ordered if (part := self.here(tree)) is not None]
        if len(found) < len(entries):
            return None
        return Part("j", lambda bindings: {key: fetch(bindings) for key, fetch in found})


class _Text:
    """One CEL text in the making; `bound` are the parts that its variables stand for."""

    def __init__(self, splitter: Splitter) -> None:
        self._splitter = splitter
        self._variables: dict[tuple[Tree, bool], str] = {}
        self.bound: dict[str, Part] = {}

    def write(self, tree: Tree) -> str:
        """The tree as text, with a variable in place of every part that is computed elsewhere."""
        match tree:
            case Literal(text):
                return text
            case Group(inner):
                return f"({self.write(inner)})"
            case Unary(signs, operand):
                return signs + self.write(operand)
            case Chain(level) if level < SUM:
                return _joined([self.write(operand) for operand in tree.operands], tree.signs)
            case Choice(condition, yes, no):
                return f"{self.write(condition)} ? {self.write(yes)} : {self.write(no)}"
            case _:
                return self._container(tree)

    def _container(self, tree: Tree) -> str:
        here = self._splitter.here(tree) if not isinstance(tree, Items | Entries) else None
        if here is not None:
            return self._variable(tree, here)
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
                assert tree.receiver is not None, "functions are computed here, only methods are left"
                return f"{self.write(tree.receiver)}.{tree.name}({', '.join(map(self.write, tree.args))})"

    def formula(self, tree: Tree) -> str:
        """Arithmetic as text; what its operands are is computed elsewhere and must be a number."""
        match tree:
            case Chain(level) if level >= SUM:
                return _joined([self.formula(operand) for operand in tree.operands], tree.signs)
            case Literal(text):
                return text
            case Unary(signs, operand) if "!" not in signs:
                return signs + self.formula(operand)
            case _:
                part = self._splitter.part(tree)
                if part.sort not in "dif":
                    raise ExpressionError(f"arithmetic does not take {_NOT_NUMBERS[part.sort]}")
                return self._variable(tree, Part(part.sort, _number(part.fetch)), is_number=True)

    def _variable(self, tree: Tree, part: Part, *, is_number: bool = False) -> str:
        name = self._variables.get((tree, is_number))
        if name is None:
            if len(self._variables) == MAX_BINDINGS:
                raise ExpressionError(f"the expression reads more than {MAX_BINDINGS} values")
            name = self._variables[tree, is_number] = f"{'d' if part.sort == 'j' else part.sort}{len(self._variables)}"
            self.bound[name] = part
        return name


def _number(fetch: Fetch) -> Fetch:
    """CEL would join two dynamic texts or lists with `+`."""

    def number(bindings: Bindings) -> object:
        value = fetch(bindings)
        if type(value) is int or type(value) is float:
            return value
        raise ExpressionError(f"arithmetic does not take {cel_values.kind_of(value)}")

    return number


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
