"""The written form of prices: what each model costs, by its provider's id."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from policies.prices import Price
from policies.reading import Reader
from policies.units import read_price, write_price

if TYPE_CHECKING:
    from collections.abc import Mapping

RATES = ("input", "output", "cache_read", "cache_write")


def parse_prices(data: object) -> dict[str, Price]:
    """The prices of a file of their own; `DocumentError` with everything that is wrong with it."""
    reader = Reader()
    prices = read_prices(reader, data, "")
    reader.finish()
    return prices


def read_prices(reader: Reader, value: object, path: str) -> dict[str, Price]:
    """The prices at `path`, by model."""
    return {model: _read_price(reader, item, place) for place, model, item in reader.entries(value, path, free=True)}


def write_prices(prices: Mapping[str, Price]) -> dict[str, object]:
    """The mapping that `read_prices` reads as these."""
    return {
        model: {rate: write_price(amount) for rate, amount in asdict(price).items()} for model, price in prices.items()
    }


def _read_price(reader: Reader, value: object, path: str) -> Price:
    """Cached input costs as much as any other where its price is left out: never too little is counted."""
    rates: dict[str, int] = {}
    for place, rate, amount in reader.entries(value, path, known=RATES):
        rates[rate] = reader.convert(amount, place, read_price) or 0
    if not {"input", "output"} <= rates.keys():
        reader.add("missing", path, "a price has `input` and `output`, in US dollars per million tokens")
    price = rates.get("input", 0)
    return Price(price, rates.get("output", 0), rates.get("cache_read", price), rates.get("cache_write", price))
