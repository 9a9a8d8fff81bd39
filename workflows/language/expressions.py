"""Templates and conditions: the expressions of a graph, ready to be evaluated.

A template is any JSON value whose texts may hold `${expression}`. A text that is one expression and
nothing else keeps the type of its value; inside other text, texts stand as they are and everything else
as canonical JSON. `$${` is a literal `${`. It is rendered once: values are never parsed again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.cel_values import concatenate
from policies.errors import ExpressionError
from policies.expressions import Path, Program, compile_expression
from policies.text_pieces import split_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Render = Callable[[Mapping[str, object]], object]

__all__ = ["Condition", "ExpressionError", "Path", "Template", "compile_condition", "compile_template"]


class Template:
    """A value with expressions in it. `paths` are all the paths that they may read, sorted."""

    __slots__ = ("is_constant", "paths", "render", "value")

    def __init__(self, value: object, programs: Sequence[Program], render: Render) -> None:
        self.value = value
        self.is_constant = not programs
        self.paths: tuple[Path, ...] = tuple(sorted({path for program in programs for path in program.paths}, key=str))
        self.render = render
        """Computes the value for a scope; `ExpressionError` if an expression has none. Constants are shared."""

    @property
    def is_single(self) -> bool:
        """Whether it is a text that is one expression and nothing else, which keeps the type of its value."""
        return isinstance(self.value, str) and [type(piece) for piece in split_text(self.value)] == [Program]

    def __repr__(self) -> str:
        return f"Template({self.value!r})"


class Condition:
    """A bare expression that must be a bool."""

    __slots__ = ("_program", "paths", "text")

    def __init__(self, text: str) -> None:
        self._program = compile_expression(text, want_bool=True)
        self.text = text
        self.paths = self._program.paths

    def holds(self, scope: Mapping[str, object]) -> bool:
        """Whether it is true; `ExpressionError` if it is neither true nor false."""
        return self._program.evaluate(scope) is True

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"


def compile_condition(text: str) -> Condition:
    """Compile the text of a `when`; `ExpressionError` says what is wrong with it."""
    return Condition(text)


def compile_template(value: object) -> Template:
    """Compile a JSON value with expressions in its texts; `ExpressionError` says what is wrong with one."""
    programs: list[Program] = []
    render = _renderer(value, programs)
    return Template(value, programs, render or (lambda _: value))


def _renderer(value: object, programs: list[Program]) -> Render | None:
    """How to render a value, null for one that stands as it is; its programs are added to `programs`."""
    if isinstance(value, str):
        return _text(split_text(value), value, programs)
    if isinstance(value, dict):
        fields = {key: (_renderer(item, programs), item) for key, item in value.items()}
        if any(render for render, _ in fields.values()):
            return lambda scope: {key: render(scope) if render else item for key, (render, item) in fields.items()}
    if isinstance(value, list):
        items = [(_renderer(item, programs), item) for item in value]
        if any(render for render, _ in items):
            return lambda scope: [render(scope) if render else item for render, item in items]
    return None


def _text(pieces: tuple[str | Program, ...], value: str, programs: list[Program]) -> Render | None:
    found = [piece for piece in pieces if isinstance(piece, Program)]
    programs.extend(found)
    if not found:
        whole = "".join(str(piece) for piece in pieces)
        return None if whole == value else lambda _: whole
    if len(pieces) == 1:
        return found[0].evaluate
    return lambda scope: concatenate([piece if isinstance(piece, str) else piece.evaluate(scope) for piece in pieces])
