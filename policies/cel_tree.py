"""The tree of a parsed expression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LEVELS: Final = (("||",), ("&&",), ("<", "<=", ">", ">=", "==", "!=", "in"), ("+", "-"), ("*", "/", "%"))
SUM: Final = 3
"""The level of `+`; from here on operands are numbers."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant. `plain` is false for a text with escapes: only the engine decodes those."""

    text: str
    value: object
    plain: bool = True


@dataclass(frozen=True, slots=True)
class Path:
    """A name and constant steps into it. `field` says that the last step was written with a dot."""

    name: str
    steps: tuple[str | int, ...] = ()
    field: bool = False

    def __str__(self) -> str:
        tail = (f".{step}" if isinstance(step, str) and step.isidentifier() else f"[{step!r}]" for step in self.steps)
        return self.name + "".join(tail)


@dataclass(frozen=True, slots=True)
class Select:
    """A field of something that is not a path."""

    operand: Tree
    field: str


@dataclass(frozen=True, slots=True)
class Index:
    """An element whose place is computed, or of something that is not a path."""

    operand: Tree
    key: Tree


@dataclass(frozen=True, slots=True)
class Has:
    """Whether a field is there."""

    target: Path | Select


@dataclass(frozen=True, slots=True)
class Call:
    """A function; a method has its operand in `receiver`."""

    name: str
    args: tuple[Tree, ...]
    receiver: Tree | None = None


@dataclass(frozen=True, slots=True)
class Unary:
    """`!` and `-`, as many as were written."""

    signs: str
    operand: Tree


@dataclass(frozen=True, slots=True)
class Chain:
    """Operands of one level with the operators between them, grouped from the left."""

    level: int
    operands: tuple[Tree, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`condition ? yes : no`."""

    condition: Tree
    yes: Tree
    no: Tree


@dataclass(frozen=True, slots=True)
class Group:
    """What stood in parentheses."""

    inner: Tree


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A map; keys are constant texts, as in JSON."""

    entries: tuple[tuple[Literal, Tree], ...]


Tree = Literal | Path | Select | Index | Has | Call | Unary | Chain | Choice | Group | Items | Entries
