"""The budget ladder: what happens as a scope fills up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Rung: TypeAlias = Literal["warn", "downshift", "ask", "stop"]


@dataclass(frozen=True, slots=True)
class Ladder:
    """The fraction at which each rung acts, in thousandths; null is off. Defaults: AF spec 2a (reference row 92)."""

    warn: int | None = 500
    downshift: int | None = 750
    ask: int | None = 900
    stop: int | None = 1000
