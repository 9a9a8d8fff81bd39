"""Expressions: a bounded subset of CEL, compiled once and evaluated over named values.

An expression is parsed (`cel_parser`), then split in two (`cel_hoist`): paths, and calls of our functions
on paths and constants, are computed on the very values; what is left goes to the CEL engine. So nothing
is ever bound that the expression does not name, and `size(state.files)` costs the same however long the
list is. A path alone never reaches the engine and gives back the value itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from policies.cel_environment import NUMBER, environment
from policies.cel_hoist import Splitter
from policies.cel_parser import MAX_NESTING, parse
from policies.cel_tree import Entries, Group, Items, Literal, Path
from policies.cel_values import checked, kind_of
from policies.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cel_expr_python import cel

    from policies.cel_hoist import Fetch, Hoist
    from policies.cel_tree import Tree

__all__ = ["ExpressionError", "Path", "Program", "compile_expression"]

MAX_SHOWN: Final = 80
CACHED: Final = 4096
_UNBOUND: Final = re.compile(r'No value with name "(\w+)" found')
_STATUS: Final = re.compile(r"^(?:[A-Z_]+: )?(?:ERROR: <input>:-?\d+:-?\d+: )?")
_MISFIT: Final = re.compile(
    r"(?:found no matching overload for '(.+)' applied to '|No matching overloads found : ([^(]+))(.*?)'?$"
)
_OPERATORS: Final = {NUMBER: "arithmetic", "_?_:_": "`?:`", "<jump_condition>": "`?:`", "_[_]": "`[]`"}
# What the binding raises for values that it cannot take or give back.
_ENGINE_FAULTS: Final = (RuntimeError, ValueError, TypeError, ArithmeticError)


class Program:
    """A compiled expression. `paths` are the paths that it may read, sorted; `source` is its text."""

    __slots__ = ("_compute", "_want_bool", "paths", "source")

    def __init__(self, source: str, names: frozenset[str] | None, *, want_bool: bool) -> None:
        splitter = Splitter(names)
        self.source = source
        self._want_bool = want_bool
        try:
            self._compute = _compiled(parse(source), splitter, want_bool=want_bool)
        except ExpressionError as error:
            raise self._fault(error) from None
        self.paths: tuple[Path, ...] = tuple(sorted(splitter.paths, key=str))

    def evaluate(self, bindings: Mapping[str, object]) -> object:
        """The value for these bindings, plain JSON within the limits; `ExpressionError` if it has none.

        A path alone gives the very value, unchecked and not copied. What `want_bool` was asked of is a bool.
        """
        try:
            value = self._compute(bindings)
        except ExpressionError as error:
            raise self._fault(error) from None
        if self._want_bool and type(value) is not bool:
            raise self._fault(f"{kind_of(value)} where true or false is needed")
        return value

    def _fault(self, cause: object) -> ExpressionError:
        shown = self.source if len(self.source) <= MAX_SHOWN else self.source[: MAX_SHOWN - 1] + "…"
        quoted = f"`{shown}`"
        return ExpressionError(str(cause) if str(cause).startswith(f"{quoted}:") else f"{quoted}: {cause}")


@lru_cache(maxsize=CACHED)
def compile_expression(text: str, names: frozenset[str] | None = None, *, want_bool: bool) -> Program:
    """Compile an expression; `ExpressionError` says what is wrong with it.

    `names` are the names that it may use, null for any. With `want_bool` it must be able to be a bool.
    The last 4,096 programs are kept.
    """
    return Program(text, names, want_bool=want_bool)


def _compiled(tree: Tree, splitter: Splitter, *, want_bool: bool) -> Fetch:
    while isinstance(tree, Group):
        tree = tree.inner
    hoist = splitter.hoist(tree)
    if hoist is None:
        return _engine_program(splitter.write(tree), splitter.bound, want_bool=want_bool)
    if want_bool and not _may_be_bool(tree, hoist):
        raise ExpressionError("it is never true or false")
    fetch = hoist.fetch
    return fetch if isinstance(tree, Path) else lambda bindings: checked(fetch(bindings))


def _may_be_bool(tree: Tree, hoist: Hoist) -> bool:
    if isinstance(tree, Literal):
        return type(tree.value) is bool
    return hoist.sort in "bd" and not isinstance(tree, Items | Entries)


def _engine_program(text: str, bound: Mapping[str, Hoist], *, want_bool: bool) -> Fetch:
    try:
        compiled = environment().compile(text)
    except _ENGINE_FAULTS as error:
        raise ExpressionError(_in_our_words(str(error))) from None
    if want_bool and compiled.return_type().name() not in ("BOOL", "DYN"):
        raise ExpressionError("it is never true or false")
    parts = tuple((name, hoist.fetch) for name, hoist in bound.items())
    return lambda bindings: _run(compiled, parts, bindings)


def _run(compiled: cel.Expression, parts: tuple[tuple[str, Fetch], ...], bindings: Mapping[str, object]) -> object:
    data: dict[str, object] = {}
    faults: dict[str, ExpressionError] = {}
    for name, fetch in parts:
        try:
            data[name] = checked(fetch(bindings))
        except ExpressionError as error:
            faults[name] = error  # left unbound: `&&`, `||` and `?:` may never ask for it
    try:
        value = compiled.eval(data=data)
        kind, plain = value.type().name(), value.plain_value()
    except _ENGINE_FAULTS as error:
        raise ExpressionError(_in_our_words(str(error))) from None
    if kind == "ERROR":
        unbound = _UNBOUND.search(str(plain))
        raise faults[unbound[1]] if unbound else ExpressionError(_in_our_words(str(plain)))
    return checked(plain)


def _in_our_words(message: str) -> str:
    """The engine's first line, without its own names for operators."""
    line = _STATUS.sub("", message.partition("\n")[0])
    if "max recursion depth" in line:
        return f"it is nested more than {MAX_NESTING} deep, and every `+` or `*` of a row counts"
    misfit = _MISFIT.search(line)
    if misfit is None:  # a key may be a value of the run's, so it is not told
        return line[:1].lower() + line[1:].partition(" : ")[0]
    operator = (misfit[1] or misfit[2]).strip()
    named = _OPERATORS.get(operator) or f"`{operator.strip('_@')}`"
    return f"{named} does not take {misfit[3] or 'what it is given'}"
