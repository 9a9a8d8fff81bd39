"""Expressions as tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from policies.errors import ExpressionError

MAX_LENGTH: Final = 2048

_STRING: Final = (
    r"[rR](?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|\"[^\"\r\n]*\"|'[^'\r\n]*')"
    r"|\"\"\"(?:[^\\]|\\[\s\S])*?\"\"\"|'''(?:[^\\]|\\[\s\S])*?'''"
    r"|\"(?:[^\"\\\r\n]|\\.)*\"|'(?:[^'\\\r\n]|\\.)*'"
)
_TOKEN: Final = re.compile(
    rf"(?P<space>[ \t\r\n]+)|(?P<string>{_STRING})"
    r"|(?P<number>0[xX][0-9a-fA-F]+|(?:[0-9]+\.[0-9]+|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|[0-9]+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[<>!?:.,()\[\]{}+\-*/%])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text of one kind, and where it starts."""

    kind: str
    text: str
    at: int

    @property
    def is_double(self) -> bool:
        """Whether a number is written with a point or an exponent."""
        return "x" not in self.text.lower() and any(mark in self.text for mark in ".eE")


END: Final = Token("end", "", 0)


def expression_end(text: str, start: int) -> int | None:
    """Where the `}` stands that ends the expression starting at `start`: the first outside quotes and brackets.

    Null if there is none within the longest expression.
    """
    depth, at, limit = 0, start, start + MAX_LENGTH + 1
    while at < min(len(text), limit):
        found = _TOKEN.match(text, at, limit)
        sign = found["sign"] if found else None
        if sign == "}" and depth == 0:
            return at
        if found is None and text[at] in "\"'":
            return None  # a text that is not closed: nothing after it can end the expression
        depth += (sign in ("(", "[", "{")) - (sign in (")", "]", "}"))
        at = found.end() if found else at + 1
    return None


def tokens_of(text: str) -> list[Token]:
    """The tokens, without the space between them; `ExpressionError` at the first character that is none."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ExpressionError(_stray(text, at))
        kind, piece = str(found.lastgroup), found[0]
        if kind == "string" and not piece.replace("\n", "").replace("\t", "").isprintable():
            raise ExpressionError(f"the text at character {at + 1} holds a character that cannot be seen: escape it")
        if kind != "space":
            tokens.append(Token(kind, piece, at))
        at = found.end()
    return tokens


def _stray(text: str, at: int) -> str:
    char = text[at]
    if char in "\"'":
        return f"the text that starts at character {at + 1} is not closed"
    shown = f"`{char}`" if char.isprintable() else f"U+{ord(char):04X}"
    return f"{shown} at character {at + 1} is not part of the language"
