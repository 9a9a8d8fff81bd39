"""What known models cost, for policies that say `prices: builtin`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DATE = re.compile(r"-(?:\d{8}|\d{4}-\d\d-\d\d)\Z")


@dataclass(frozen=True, slots=True)
class Price:
    """Nano-dollars per token: US dollars per million tokens times 1,000."""

    input: int
    output: int
    cache_read: int
    cache_write: int


_OPUS = Price(5_000, 25_000, 500, 6_250)
_OLD_OPUS = Price(15_000, 75_000, 1_500, 18_750)
_SONNET = Price(3_000, 15_000, 300, 3_750)
_GPT_5 = Price(1_250, 10_000, 125, 1_250)

BUILTIN: dict[str, Price] = {
    "claude-opus-4-6": _OPUS,
    "claude-opus-4-5": _OPUS,
    "claude-opus-4-1": _OLD_OPUS,
    "claude-opus-4": _OLD_OPUS,
    "claude-sonnet-4-6": _SONNET,
    "claude-sonnet-4-5": _SONNET,
    "claude-sonnet-4": _SONNET,
    "claude-3-7-sonnet": _SONNET,
    "claude-haiku-4-5": Price(1_000, 5_000, 100, 1_250),
    "claude-3-5-haiku": Price(800, 4_000, 80, 1_000),
    "gpt-5.1": _GPT_5,
    "gpt-5": _GPT_5,
    "gpt-5-mini": Price(250, 2_000, 25, 250),
    "gpt-5-nano": Price(50, 400, 5, 50),
    "gpt-4.1": Price(2_000, 8_000, 500, 2_000),
    "gpt-4.1-mini": Price(400, 1_600, 100, 400),
    "gpt-4.1-nano": Price(100, 400, 25, 100),
    "gpt-4o": Price(2_500, 10_000, 1_250, 2_500),
    "gpt-4o-2024-05-13": Price(5_000, 15_000, 5_000, 5_000),
    "gpt-4o-mini": Price(150, 600, 75, 150),
    "o3": Price(2_000, 8_000, 500, 2_000),
    "o3-mini": Price(1_100, 4_400, 550, 1_100),
    "o4-mini": Price(1_100, 4_400, 275, 1_100),
}
"""List prices for prompts up to 200,000 tokens. Of Claude, cache writes are those kept for five minutes; OpenAI charges
nothing more for them."""


def known_as(model: str) -> tuple[str, ...]:
    """The names that a model's id may be listed under: itself, and without its date.

    Dates are written `-20250929` or `-2025-09-29`.
    """
    return model, _DATE.sub("", model)


def builtin_price(model: str) -> Price | None:
    """The price of a model by its id, with or without its date; null if unknown."""
    return next((BUILTIN[name] for name in known_as(model) if name in BUILTIN), None)
