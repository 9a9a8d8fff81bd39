"""Money for people: dollars from whole nano-dollars, to the last digit."""

from __future__ import annotations

NANO = 1_000_000_000
LEAST_DECIMALS = 4


def dollars(nano: int) -> str:
    """`$0.0042`, `$12.000000001`: at least four decimals, and all that are not nothing."""
    whole, rest = divmod(abs(nano), NANO)
    decimals = f"{rest:09d}".rstrip("0").ljust(LEAST_DECIMALS, "0")
    return f"{'-' if nano < 0 else ''}${whole:,}.{decimals}"


def nano_of(usd: float) -> int:
    """The nano-dollars of an amount that was made from them; exact below nine million dollars."""
    return round(usd * NANO)
