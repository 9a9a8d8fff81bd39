"""What models cost by their provider's ids."""

from __future__ import annotations

import pytest

from policies.prices import BUILTIN, builtin_price, known_as


@pytest.mark.parametrize(
    ("model", "listed"),
    [
        ("claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("gpt-4.1-2025-04-14", "gpt-4.1"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
    ],
)
def test_a_model_is_known_with_and_without_its_date(model: str, listed: str) -> None:
    assert builtin_price(model) == BUILTIN[listed]


@pytest.mark.parametrize("model", ["claude-sonnet-4-5-2025", "claude", "", "gpt-4o-2024-13", "my-gpt-4o"])
def test_a_model_that_only_resembles_one_has_no_price(model: str) -> None:
    assert builtin_price(model) is None


def test_cached_input_is_never_dearer_to_read_than_any_other_and_never_free() -> None:
    for price in BUILTIN.values():
        assert 0 < price.cache_read <= price.input <= price.cache_write
        assert price.input < price.output


def test_a_date_is_taken_off_once() -> None:
    assert known_as("m-20250101-20250101") == ("m-20250101-20250101", "m-20250101")
