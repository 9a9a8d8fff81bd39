"""Whether a value that came from outside is plain JSON within the limits of documents."""

from __future__ import annotations

import math
from typing import Final

from policies.cel_values import INT_MAX, INT_MIN
from policies.errors import Problem
from policies.reading import join

MAX_DEPTH: Final = 48
MAX_CHARACTERS: Final = 1024 * 1024
"""The most characters and values in one document; its text was at most 256 KiB."""


def check_plain(value: object) -> list[Problem]:
    """The first thing that is not plain JSON, or too deep, or too large; empty if all is well."""
    stack: list[tuple[object, str, int]] = [(value, "", 0)]
    left = MAX_CHARACTERS
    while stack:
        item, path, depth = stack.pop()
        fault = _fault(item, depth)
        if fault:
            return [Problem("not_json", fault, path)]
        left -= len(item) + 1 if isinstance(item, str) else 1
        if left < 0:
            return [Problem("too_large", f"the document has over {MAX_CHARACTERS} characters", "")]
        left -= sum(len(key) for key in item) if isinstance(item, dict) else 0
        stack += [(inner, place, depth + 1) for place, inner in reversed(children(item, path))]
    return []


def children(value: object, path: str) -> list[tuple[str, object]]:
    """The parts of a mapping or list, each with its path."""
    if isinstance(value, dict):
        return [(join(path, str(key)), inner) for key, inner in value.items()]
    if isinstance(value, list):
        return [(f"{path}[{index}]", inner) for index, inner in enumerate(value)]
    return []


def _fault(value: object, depth: int) -> str | None:
    if isinstance(value, dict | list):
        return _container_fault(value, depth)
    if isinstance(value, str):
        return None if is_text(value) else "a text with half a surrogate pair"
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if INT_MIN <= value <= INT_MAX else "a whole number that does not fit into 64 bits"
    if isinstance(value, float):
        return None if math.isfinite(value) else "a number that is not finite"
    return f"a {type(value).__name__} is not JSON"


def _container_fault(value: dict[object, object] | list[object], depth: int) -> str | None:
    if depth == MAX_DEPTH:
        return f"nested more than {MAX_DEPTH} deep"
    if isinstance(value, dict) and not all(isinstance(key, str) and is_text(key) for key in value):
        return "a mapping with a key that is not a text"
    return None


def is_text(text: str) -> bool:
    """Whether a text has a UTF-8 form: no half of a surrogate pair stands alone."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
