"""How large a value is, found out without ever walking more of it than is allowed.

A value that names another one twice is as large as two of them, though it takes no more memory: five lines of
a graph can double a channel with every visit, and whoever then writes it as JSON never comes back.
"""

from __future__ import annotations

MAX_BYTES = 1024 * 1024
"""One value that an expression makes (graph-language.md: rendered text, arguments and results have this limit)."""
MAX_OUTPUT_BYTES = 8 * 1024 * 1024
"""The run's output, which may hold several channels."""
MAX_DEPTH = 48
"""Under the 64 of canonical JSON, because values end up inside of arguments, results and views."""
NODE_BYTES = 2


def fault(value: object, limit: int = MAX_BYTES) -> str | None:
    """What is wrong with a value's size or nesting, null if nothing."""
    if isinstance(value, str):
        return None if len(value) <= limit else _too_large(limit)
    return _walk(value, limit) if isinstance(value, dict | list) else None


def _walk(value: object, limit: int) -> str | None:
    left, waiting = limit, [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return f"it is nested more than {MAX_DEPTH} deep"
        left -= NODE_BYTES
        if isinstance(item, str):
            left -= len(item)
        elif isinstance(item, dict):
            left -= sum(map(len, item))
            waiting.extend((part, depth + 1) for part in item.values())
        elif isinstance(item, list):
            waiting.extend((part, depth + 1) for part in item)
        if left < 0 or len(waiting) > limit:
            return _too_large(limit)
    return None


def _too_large(limit: int) -> str:
    return f"it has more than {limit:,} bytes"
