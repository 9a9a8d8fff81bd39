"""What unquoted YAML scalars mean by the core schema of YAML 1.2: `yes`, `on`, `1:20` and dates are texts."""

from __future__ import annotations

import math
import re
from typing import Final

from policies.cel_values import INT_MAX, INT_MIN
from workflows.language.plain import is_text

_WORDS: Final[dict[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONGEST_INT: Final = 64
_PREFIXES: Final = {"0o": 8, "0x": 16}
# A text that is not closed runs to the end: if it failed instead, each of its quotes would be tried again.
_TAB: Final = re.compile(r'"(?:[^"\\]|\\.?)*(?:"|\Z)|\t', re.DOTALL)


class BadScalarError(ValueError):
    """A scalar that has a meaning, but not one that a document may have."""


def resolve(text: str) -> object:
    """The value of an unquoted scalar; `BadScalarError` for a number that is not finite or beyond 64 bits."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return _int(text)
    if _FLOAT.fullmatch(text):
        return _finite(text)
    if _NOT_FINITE.fullmatch(text):
        raise BadScalarError(f"`{text}` is not a finite number")
    return merge_surrogates(text)


def _int(text: str) -> int:
    if len(text) > _LONGEST_INT:  # more digits than Python reads without complaint
        raise BadScalarError("a whole number that does not fit into 64 bits")
    base = _PREFIXES.get(text[:2])
    value = int(text) if base is None else int(text[2:], base)
    if not INT_MIN <= value <= INT_MAX:
        raise BadScalarError("a whole number that does not fit into 64 bits")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadScalarError("a number that is too large for a double")
    return value


def merge_surrogates(text: str) -> str:
    """JSON writes characters beyond U+FFFF as two escapes, which YAML reads one by one: put them together."""
    if is_text(text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise BadScalarError("a text with half a surrogate pair") from None


def spaced(source: str) -> str:
    """JSON text with spaces for the tabs between its tokens, which YAML does not take there."""
    return _TAB.sub(lambda found: " " if found[0] == "\t" else found[0], source)
