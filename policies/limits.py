"""The written form of budgets: the limits of a scope, each absent (default), null (unlimited) or a number."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policies.budget import Limits
from policies.units import read_count, read_duration, read_usd, write_duration, write_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from policies.reading import Reader

EXECUTION = Limits(tokens=10_000, cost_nano=1_000_000_000, wall_ms=300_000)
LIFETIME = Limits(tokens=100_000, cost_nano=10_000_000_000, steps=100, wall_ms=3_600_000, tool_calls=200, depth=8)
"""What holds where a policy says nothing."""

WORDS = {
    "tokens": "tokens",
    "cost_usd": "cost_nano",
    "steps": "steps",
    "wall_clock": "wall_ms",
    "tool_calls": "tool_calls",
    "depth": "depth",
}
"""What people call a unit, and what it is counted in."""

SCOPES = {"execution": tuple(word for word in WORDS if word != "depth"), "lifetime": tuple(WORDS)}
"""The words of each scope; an execution has no children, so it has no depth."""

_READERS: dict[str, Callable[[object], int]] = {"cost_usd": read_usd, "wall_clock": read_duration}
_WRITERS: dict[str, Callable[[int], object]] = {"cost_usd": write_usd, "wall_clock": write_duration}


def read_limits(reader: Reader, value: object, path: str, default: Limits, words: tuple[str, ...]) -> Limits:
    """The limits at `path`, in these words; those of the default that it leaves out stay."""
    found: dict[str, int | None] = {}
    for place, word, limit in reader.entries(value, path, known=words):
        found[WORDS[word]] = None if limit is None else reader.convert(limit, place, _READERS.get(word, read_count))
    return replace(default, **found)


def write_limits(limits: Limits, words: tuple[str, ...]) -> dict[str, object]:
    """The mapping that `read_limits` reads as these limits, with nothing left to a default."""
    written: dict[str, object] = {}
    for word in words:
        limit = getattr(limits, WORDS[word])
        written[word] = None if limit is None else _WRITERS.get(word, int)(limit)
    return written


def read_amounts(reader: Reader, value: object, path: str, words: tuple[str, ...]) -> dict[str, int]:
    """Amounts by unit at `path`, of the units in these words that it names."""
    found: dict[str, int] = {}
    for place, word, amount in reader.entries(value, path, known=words):
        found[WORDS[word]] = reader.convert(amount, place, _READERS.get(word, read_count)) or 0
    return {unit: found[unit] for unit in WORDS.values() if found.get(unit)}


def write_amounts(amounts: Mapping[str, int], words: tuple[str, ...]) -> dict[str, object]:
    """The mapping that `read_amounts` reads as these."""
    named = ((word, WORDS[word]) for word in words)
    return {word: _WRITERS.get(word, int)(amounts[unit]) for word, unit in named if unit in amounts}
