"""Durations, money and counts: from the words of a document to integers, and back."""

from __future__ import annotations

from decimal import Decimal

MAX_COUNT = 10**15
MAX_USD = 10**9
NANO = 10**9
_NANO_DECIMALS = 9
_WHOLE = 1000
MAX_SPAN_MS = 3650 * 86_400_000
_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def read_count(value: object) -> int:
    """A number of tokens, steps or calls; raises `ValueError`."""
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        raise ValueError(f"is not a whole number from 0 to {MAX_COUNT}")
    return value


def read_duration(value: object) -> int:
    """Milliseconds from `500ms 30s 5m 24h 30d`; raises `ValueError`."""
    if isinstance(value, str):
        digits = value.rstrip("msdh")
        scale = _MS.get(value[len(digits) :])
        if scale is not None and digits.isascii() and digits.isdigit() and len(digits) <= len(str(MAX_COUNT)):
            return int(digits) * scale
    raise ValueError("is not a duration like `500ms`, `30s`, `5m`, `24h` or `30d`")


def read_span(value: object) -> int:
    """Milliseconds that something may last: more than none, at most ten years; raises `ValueError`."""
    span_ms = read_duration(value)
    if not 0 < span_ms <= MAX_SPAN_MS:
        raise ValueError("is no time to wait: more than nothing, at most ten years")
    return span_ms


def write_duration(duration_ms: int) -> str:
    """The text that `read_duration` reads as these milliseconds."""
    return f"{duration_ms}ms" if duration_ms % 1000 else f"{duration_ms // 1000}s"


def read_fraction(value: object) -> int:
    """Thousandths from a fraction of at most three decimals, above 0 and at most 1; raises `ValueError`."""
    thousandths = Decimal(str(value)) * 1000 if type(value) in (int, float) else Decimal(0)
    if not (thousandths.is_finite() and 0 < thousandths <= _WHOLE and thousandths == int(thousandths)):
        raise ValueError("is not a fraction above 0 and at most 1, of at most three decimals")
    return int(thousandths)


def write_fraction(thousandths: int) -> float:
    """The number that `read_fraction` reads as these thousandths."""
    return thousandths / _WHOLE


def read_usd(value: object) -> int:
    """Nano-dollars from an amount in US dollars, exactly as it is written; raises `ValueError`."""
    amount = _decimal(value)
    if _decimals(amount) > _NANO_DECIMALS:
        raise ValueError("is finer than a nano-dollar; write at most nine decimals")
    return int(amount * NANO)


def write_usd(cost_nano: int) -> str:
    """The decimal text that `read_usd` reads as these nano-dollars."""
    return _text(Decimal(cost_nano).scaleb(-9))


def read_price(value: object) -> int:
    """Nano-dollars per token from US dollars per million tokens, rounded up; raises `ValueError`."""
    return int((_decimal(value) * 1000).to_integral_value("ROUND_CEILING"))


def write_price(token_nano: int) -> str:
    """The decimal text that `read_price` reads as these nano-dollars per token."""
    return _text(Decimal(token_nano).scaleb(-3))


def _decimal(value: object) -> Decimal:
    if isinstance(value, str):
        whole, point, part = value.partition(".")
        plain = whole.isascii() and whole.isdigit() and part.isascii() and part.isdigit() == bool(point)
    else:
        plain = isinstance(value, int | float) and not isinstance(value, bool)
    if plain and len(str(value)) <= len(str(MAX_USD)) + 20:
        amount = Decimal(str(value))
        if amount.is_finite() and 0 <= amount <= MAX_USD:
            return amount
    raise ValueError(f"is not an amount in US dollars from 0 to {MAX_USD}")


def _decimals(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _text(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
