"""The written form of what all runs of a tenant may use together: one window of time or several, or null for none."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, cast

from policies.budget import Limits
from policies.limits import WORDS, read_limits, write_limits
from policies.reading import join
from policies.windows import PERIODS, TENANT, Per, Window

if TYPE_CHECKING:
    from policies.reading import Reader

COUNTED = tuple(word for word in WORDS if word not in {"wall_clock", "depth"})
KEYS = (*COUNTED, "per")
DAY: Per = "day"
_DEFAULT = TENANT[0].limits


def read_windows(reader: Reader, value: object, path: str) -> tuple[Window, ...]:
    """The windows at `path`, shortest first, none of them without a limit.

    A unit that no window speaks of keeps its default, which is for a day: a limit by the hour does not undo it.
    """
    if value is None:
        return ()
    places = reader.items(value, path) if isinstance(value, list | tuple) else [(path, value)]
    if not places:
        reader.add("wrong_value", path, "there is no window", "write `null` for no budget of the tenant")
    found: dict[Per, Limits] = {}
    spoken: set[str] = set()
    for place, item in places:
        entries = reader.entries(item, place, known=KEYS)
        spoken |= {WORDS[key] for _, key, _ in entries if key in COUNTED}
        per, limits = _read_window(reader, entries, place)
        if per in found:
            reader.add("duplicate", join(place, "per"), f"there is a window by the {per} already", "make them one")
        found[per] = limits
    silent = {unit.name: getattr(_DEFAULT, unit.name) for unit in fields(Limits) if unit.name not in spoken}
    found[DAY] = replace(found.get(DAY, Limits()), **silent)
    return tuple(Window(found[per], per) for per in PERIODS if found.get(per, Limits()) != Limits())


def write_windows(windows: tuple[Window, ...]) -> list[dict[str, object]] | None:
    """What `read_windows` reads as these windows, with nothing left to a default."""
    return [{**write_limits(window.limits, COUNTED), "per": window.per} for window in windows] or None


def _read_window(reader: Reader, entries: list[tuple[str, str, object]], path: str) -> tuple[Per, Limits]:
    words = {key: item for _, key, item in entries if key in COUNTED}
    per = next((reader.choice(item, place, PERIODS) for place, key, item in entries if key == "per"), DAY)
    return cast("Per", per or DAY), read_limits(reader, words, path, Limits(), COUNTED)
