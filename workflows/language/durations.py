"""Durations as documents write them: `500ms 30s 5m 24h`."""

from __future__ import annotations

from typing import Final

from policies.units import read_duration

MAX_SECONDS: Final = 10 * 365 * 24 * 3600
_UNITS: Final = ((3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"))


def parse_duration(text: object) -> float:
    """Seconds, at most ten years; `ValueError` with a message for people if it is no duration. Days are policy's."""
    if isinstance(text, str) and text.endswith("d"):
        raise ValueError("is not a duration like `500ms`, `30s`, `5m` or `24h`")
    seconds = read_duration(text) / 1000
    if seconds > MAX_SECONDS:
        raise ValueError("is over ten years")
    return seconds


def format_duration(seconds: float) -> str:
    """The duration in the largest unit that it is a whole number of."""
    milliseconds = round(seconds * 1000)
    size, unit = next((size, unit) for size, unit in _UNITS if milliseconds % size == 0)
    return f"{milliseconds // size}{unit}"
