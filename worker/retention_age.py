"""How old a blob must be before a sweep may remove it."""

from __future__ import annotations

from policies.units import read_span

LEAST_MS = 3_600_000
"""What a call has just written stands in no history yet."""


def read_age(text: str) -> int:
    """Milliseconds from `30d`; `ValueError` for what is no duration, or under an hour."""
    age_ms = read_span(text)
    if age_ms < LEAST_MS:
        raise ValueError("is under an hour: what a call has just written stands in no history yet")
    return age_ms
