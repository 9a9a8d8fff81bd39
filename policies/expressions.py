"""Expressions: a bounded subset of CEL, compiled once and evaluated over named values.

An expression is parsed (`cel_parser`), then split (`cel_hoist`): paths and our own functions are computed on
the very values; what is left goes to the CEL engine (`cel_environment`). So nothing is ever bound that the
expression does not name, and `size(state.files)` costs the same however long the list is. A path alone
never reaches the engine and gives back the value itself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from policies.cel_hoist import Splitter
from policies.cel_parser import parse
from policies.cel_tree import Group, Literal, Path
from policies.cel_values import checked, kind_of
from policies.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.cel_environment import Fetch, Part
    from policies.cel_tree import Tree

__all__ = ["ExpressionError", "Path", "Program", "compile_expression"]

MAX_SHOWN: Final = 80
CACHED: Final = 4096


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
    part = splitter.part(tree)
    if want_bool and not _may_be_bool(tree, part):
        raise ExpressionError("it is never true or false")
    fetch = part.fetch
    return fetch if isinstance(tree, Path) else lambda bindings: checked(fetch(bindings))


def _may_be_bool(tree: Tree, part: Part) -> bool:
    return type(tree.value) is bool if isinstance(tree, Literal) else part.sort in "bd"
