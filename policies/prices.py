"""What the models of Anthropic cost, for policies that say `prices: builtin`."""

from __future__ import annotations

from dataclasses import dataclass

_DATE_DIGITS = 8


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
}
"""List prices for prompts up to 200,000 tokens; cache writes are those kept for five minutes."""


def builtin_price(model: str) -> Price | None:
    """The price of a model by its id, with or without its date (`claude-sonnet-4-5-20250929`); null if unknown."""
    name, _, date = model.rpartition("-")
    dated = len(date) == _DATE_DIGITS and date.isdigit()
    return BUILTIN.get(name if dated else model)
