"""Money: what a call cost, in integer nano-dollars."""

from __future__ import annotations

from collections.abc import Mapping

from activities.models.provider import Tokens
from policies.prices import Price
from workflows.contracts.calls import Usage
from workflows.contracts.run import PriceCard

DEAREST_CACHE_WRITE = 2
"""Providers charge more than the input rate for what they put into their cache; this is the largest factor known."""


def price_card(price: Price) -> PriceCard:
    """A price of a policy, as the run's card holds it."""
    return PriceCard(input=price.input, output=price.output, cache_read=price.cache_read, cache_write=price.cache_write)


def unpriced_warning(alias: str) -> str:
    """What an operator and whoever starts a run must know of a model that nobody has a price for."""
    return f"model `{alias}` has no price (`unpriced: allow`): its cost counts as 0, and no budget of money holds it"


def card_of_rates(rates: Mapping[str, int]) -> PriceCard:
    """A card of `input` and `output`, in nano-dollars per token; a cache rate left out is never zero."""
    return PriceCard(
        input=rates["input"],
        output=rates["output"],
        cache_read=rates.get("cache_read", rates["input"]),
        cache_write=rates.get("cache_write", rates["input"] * DEAREST_CACHE_WRITE),
    )


def usage_of(tokens: Tokens, price: PriceCard, *, latency_ms: int) -> Usage:
    """What a call used and cost, in the form of the wire. Rates are whole nano-dollars, so nothing is rounded here."""
    cost_nano = (
        tokens.input * price.input
        + tokens.output * price.output
        + tokens.cache_read * price.cache_read
        + tokens.cache_write * price.cache_write
    )
    return Usage(
        tokens=tokens.input + tokens.cache_read + tokens.cache_write + tokens.output,
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
        cost_nano=cost_nano,
        latency_ms=latency_ms,
    )
