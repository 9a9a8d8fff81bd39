"""The written form of the loop guard's thresholds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policies.loop_guard import LoopRules
from policies.reading import join
from policies.units import read_count

if TYPE_CHECKING:
    from policies.reading import Reader

PAIRS = ("same_call", "same_result")
SINGLES = ("ping_pong", "total")
STEPS = ("warn", "block")
KEYS = (*PAIRS, *SINGLES, "polling_factor")


def read_loop(reader: Reader, value: object, path: str) -> LoopRules | None:
    """The thresholds at `path`; null is off, each of them or all together. What is left out keeps its default."""
    if value is None:
        return None
    found: dict[str, int | None] = {}
    for place, key, item in reader.entries(value, path, known=KEYS):
        if key in PAIRS:
            found |= _read_pair(reader, item, place, key)
        else:
            found[key] = _read_threshold(reader, item, place)
    defaults = LoopRules()
    factor = found.pop("polling_factor", defaults.polling_factor) or 1
    rules = replace(defaults, **found, polling_factor=factor)
    for key in PAIRS:
        warn, block = getattr(rules, f"{key}_warn"), getattr(rules, f"{key}_block")
        if warn is not None and block is not None and warn >= block:
            message = f"the warning at {warn} does not come before the block at {block}"
            reader.add("wrong_value", join(path, key), message, "warn earlier, or write `warn: null`")
    return rules


def write_loop(rules: LoopRules | None) -> dict[str, object] | None:
    """What `read_loop` reads as these rules."""
    if rules is None:
        return None
    pairs: dict[str, object] = {key: {step: getattr(rules, f"{key}_{step}") for step in STEPS} for key in PAIRS}
    return {**pairs, **{key: getattr(rules, key) for key in (*SINGLES, "polling_factor")}}


def _read_pair(reader: Reader, value: object, path: str, key: str) -> dict[str, int | None]:
    if value is None:
        return {f"{key}_{step}": None for step in STEPS}
    return {
        f"{key}_{step}": _read_threshold(reader, item, place)
        for place, step, item in reader.entries(value, path, known=STEPS)
    }


def _read_threshold(reader: Reader, value: object, path: str) -> int | None:
    return None if value is None else reader.convert(value, path, _read_times)


def _read_times(value: object) -> int:
    times = read_count(value)
    if not times:
        raise ValueError("would stop the first call already: write 1 or more, or `null` for off")
    return times
