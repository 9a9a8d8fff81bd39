"""Durations, money and counts are read exactly as they are written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.document import builtin_policy, parse_policy
from policies.prices import BUILTIN, builtin_price
from policies.units import (
    MAX_COUNT,
    MAX_USD,
    read_count,
    read_duration,
    read_price,
    read_usd,
    write_duration,
    write_price,
    write_usd,
)

NO_MONEY = (-1, MAX_USD + 1, 10**400, float("nan"), float("inf"), True, None, [1])
NO_MONEY_TEXT = ("", "1e3", ".5", "5.", "1,5", "$1", "٣", "1.٣", "1" * 40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("24h", 86_400_000), ("30d", 30 * 86_400_000)],
)
def test_a_duration_is_milliseconds(text: str, expected: int) -> None:
    assert read_duration(text) == expected


@pytest.mark.parametrize(
    "value", [300, None, "", "5", "s", "1.5h", "-1s", "5 m", "1h30m", "٣s", "9" * 17 + "s", "5w", "d"]
)
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        read_duration(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 10**9),
        (0.1, 10**8),
        (1e-09, 1),
        ("0.000000001", 1),
        ("2.50", 2_500_000_000),
        (0, 0),
        (MAX_USD, MAX_USD * 10**9),
        (123456789.123456789, 123456789123456790),
    ],
)
def test_money_is_nano_dollars_exactly(value: object, expected: int) -> None:
    assert read_usd(value) == expected


@pytest.mark.parametrize(
    "value",
    [*NO_MONEY, *NO_MONEY_TEXT],
)
def test_what_is_no_money_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not an amount in US dollars"):
        read_usd(value)


def test_what_is_finer_than_a_nano_dollar_is_refused() -> None:
    with pytest.raises(ValueError, match="nine decimals"):
        read_usd("0.0000000001")


@pytest.mark.parametrize("value", [-1, True, 1.0, "1", None, MAX_COUNT + 1])
def test_what_is_no_count_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not a whole number"):
        read_count(value)


@pytest.mark.parametrize(
    ("read", "write", "most"),
    [(read_usd, write_usd, MAX_USD * 10**9), (read_duration, write_duration, 10**12), (read_price, write_price, 10**9)],
)
def test_what_is_written_reads_back(read: Callable[[object], int], write: Callable[[int], str], most: int) -> None:
    @given(st.integers(0, most))
    def check(value: int) -> None:
        assert read(write(value)) == value

    check()


def test_a_price_is_rounded_up_to_whole_nano_dollars_per_token() -> None:
    assert read_price(3) == 3_000
    assert read_price(0.3) == 300
    assert read_price("0.0001") == 1


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("claude-sonnet-4-5", True),
        ("claude-haiku-4-5-20251001", True),
        ("claude-sonnet-4-5-latest", False),
        ("x", False),
    ],
)
def test_a_model_is_priced_with_or_without_its_date(model: str, known: bool) -> None:
    assert (builtin_price(model) is not None) is known


def test_every_built_in_price_is_whole_and_cached_input_is_cheaper() -> None:
    assert all(0 < price.cache_read <= price.input <= price.cache_write < price.output for price in BUILTIN.values())


def test_a_policy_with_prices_knows_no_others() -> None:
    document = builtin_policy().to_document() | {"prices": {"qwen3": {"input": 1, "output": "2.5"}}}
    policy = parse_policy(document)
    price = policy.price("qwen3")
    assert price is not None
    assert (price.input, price.output, price.cache_read, price.cache_write) == (1_000, 2_500, 1_000, 1_000)
    assert policy.price("claude-sonnet-4-5") is None
    assert builtin_policy().price("claude-sonnet-4-5") == BUILTIN["claude-sonnet-4-5"]
