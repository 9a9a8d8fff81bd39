"""Problems that people find in the documents they write."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a document, with its place and what to do about it.

    `path` is the dotted path in the document (`nodes.read.with.path`). `line` and `column` start
    at 1 and are null where the document has no text, for instance when it came as JSON over the wire.
    """

    code: str
    message: str
    path: str = ""
    suggestion: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    severity: Literal["error", "warning"] = "error"

    def at(self, file: str | None, line: int | None, column: int | None) -> Problem:
        """The same problem with its place in a file."""
        return replace(self, file=file, line=line, column=column)

    def __str__(self) -> str:
        """One line: place, path, message and suggestion."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        where = f"{self.path}: " if self.path else ""
        hint = f"; {self.suggestion}" if self.suggestion else ""
        return f"{place + ': ' if place else ''}{where}{self.message}{hint}"


class DocumentError(ValueError):
    """A document that cannot be used; `problems` says everything that is wrong with it at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class ExpressionError(ValueError):
    """An expression that does not compile, or that has no value for the names it was given.

    The message quotes the expression and says what is wrong; whoever evaluates adds the node and the field.
    """
