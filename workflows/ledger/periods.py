"""Which window of time a moment lies in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.windows import Per

_SHAPES: dict[Per, str] = {"minute": "%Y-%m-%dT%H:%M", "hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m"}


def period(per: Per, at_ms: int) -> str:
    """The name of a window in UTC: `2026-02-28` for a day. Names of one kind sort as their times do."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime(_SHAPES[per])
