"""Times as the engine keeps them (UTC milliseconds) and as people read them (RFC 3339)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(at_ms: int) -> str:
    """`2026-11-21T06:20:00.123Z`."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> int:
    """UTC milliseconds of an RFC 3339 time with a zone; `ValueError` for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or "T" not in text.upper():
        raise ValueError(f"`{text}` is not an RFC 3339 time such as 2026-01-31T09:00:00Z")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def seconds_ms(seconds: float) -> int:
    """Whole milliseconds of a duration in seconds."""
    return round(seconds * 1000)
