"""How fast a provider may be asked, and when it is left alone: the rules as models files write them."""

from __future__ import annotations

from dataclasses import dataclass

from policies.reading import Reader, shown
from policies.units import read_duration

MOST = 1_000_000_000
LEAST_MS, MOST_MS = 1000, 86_400_000
FAILURES, COOL_DOWN_S, LONGEST_S = 5, 60.0, 3600.0
_PER = "write `per: 1m`"
_COUNT = f"write a whole number, 1 to {MOST}"
_EXAMPLE = "write `rate: {requests: 50, tokens: 40000, per: 1m}`"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many `requests` and `tokens` in `per_s` seconds; null: not limited."""

    requests: int | None
    tokens: int | None
    per_s: float

    def __str__(self) -> str:
        """As it is written, in short."""
        counts = ((self.requests, "requests"), (self.tokens, "tokens"))
        parts = [f"{count:,} {unit}" for count, unit in counts if count is not None]
        return f"{', '.join(parts)} per {span(self.per_s)}"


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """After so many `failures` in a row a provider is left alone for `cool_down_s`, each time it fails again longer."""

    failures: int = FAILURES
    cool_down_s: float = COOL_DOWN_S


OFF = BreakerRules(failures=0)
"""No breaker: a provider that fails is asked again and again."""


def read_rate(reader: Reader, value: object, path: str) -> Rate | None:
    """The rate at a path; null where it is wrong, which the reader is told."""
    before = len(reader.problems)
    found = {
        key: (place, item) for place, key, item in reader.entries(value, path, known=("requests", "tokens", "per"))
    }
    requests, tokens = (_count(reader, *found[key]) if key in found else None for key in ("requests", "tokens"))
    per_ms = _duration(reader, *found["per"], most_ms=MOST_MS, remedy=_PER) if "per" in found else None
    if len(reader.problems) > before:
        return None
    if per_ms is None or (requests is None and tokens is None):
        what = "`per` is missing" if per_ms is None else "neither `requests` nor `tokens` is given"
        reader.add("missing_key", path, what, _EXAMPLE)
        return None
    return Rate(requests, tokens, per_ms / 1000)


def read_breaker(reader: Reader, value: object, path: str) -> BreakerRules:
    """The rules of a breaker; `false` is none."""
    if value is False:
        return OFF
    known = ("failures", "cool_down")
    found = {key: (place, item) for place, key, item in reader.entries(value, path, known=known)}
    failures = _count(reader, *found["failures"]) if "failures" in found else None
    remedy, most_ms = f"write `1s` to `{LONGEST_S:g}s`", round(LONGEST_S * 1000)
    cool_ms = _duration(reader, *found["cool_down"], most_ms=most_ms, remedy=remedy) if "cool_down" in found else None
    return BreakerRules(failures or FAILURES, COOL_DOWN_S if cool_ms is None else cool_ms / 1000)


def _count(reader: Reader, place: str, value: object) -> int | None:
    if type(value) is int and 1 <= value <= MOST:
        return value
    reader.add("wrong_value", place, f"{shown(value)} is not a count", _COUNT)
    return None


def _duration(reader: Reader, place: str, value: object, *, most_ms: int, remedy: str) -> int | None:
    try:
        found_ms = read_duration(value)
    except ValueError as error:
        reader.add("wrong_value", place, f"{shown(value)} {error}", remedy)
        return None
    if LEAST_MS <= found_ms <= most_ms:
        return found_ms
    reader.add("wrong_value", place, f"{shown(value)} is too short or too long", remedy)
    return None


def span(seconds: float) -> str:
    """`1m`, `1h` or `90s`."""
    whole = round(seconds)
    for unit, name in ((86_400, "d"), (3600, "h"), (60, "m")):
        if whole == seconds and whole % unit == 0:
            return f"{whole // unit}{name}"
    return f"{seconds:g}s"
