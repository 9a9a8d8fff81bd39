"""Texts with `${expression}` in them, taken apart."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from policies.cel_lexer import expression_end
from policies.errors import ExpressionError
from policies.expressions import Program, compile_expression

CACHED: Final = 4096


@lru_cache(maxsize=CACHED)
def split_text(text: str, names: frozenset[str] | None = None) -> tuple[str | Program, ...]:
    """Literal texts and programs, in turn; `ExpressionError` says what is wrong with one.

    `$${` is a literal `${`. `names` are the names that the expressions may use, null for any. At least one piece.
    """
    pieces: list[str | Program] = []
    literal, at = "", 0
    while (mark := text.find("${", at)) >= 0:
        if mark > at and text[mark - 1] == "$":
            literal, at = literal + text[at : mark - 1] + "${", mark + 2
            continue
        end = expression_end(text, mark + 2)
        if end is None:
            raise ExpressionError(f"`{text[mark : mark + 40]}`: the `}}` that closes the expression is missing")
        literal += text[at:mark]
        pieces += [literal] if literal else []
        pieces.append(compile_expression(text[mark + 2 : end], names, want_bool=False))
        literal, at = "", end + 1
    literal += text[at:]
    return tuple([*pieces, literal] if literal or not pieces else pieces)
