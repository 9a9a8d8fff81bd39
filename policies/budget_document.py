"""The written form of a tenant's `budgets`: limits by scope, windows of the whole tenant, the ladder."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from policies.budget import Limits
from policies.ladder import Ladder
from policies.limits import EXECUTION, LIFETIME, SCOPES, WORDS, read_amounts, read_limits, write_amounts, write_limits
from policies.reading import join, shown
from policies.units import read_fraction, write_fraction
from policies.window_document import read_windows, write_windows
from policies.windows import TENANT, Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.reading import Reader

KEYS = (*SCOPES, "tenant", "ladder", "downshift", "max_raise")
RUNGS = tuple(rung.name for rung in fields(Ladder))
RAISED = tuple(word for word in WORDS if word != "depth")
MAX_ALIASES = 64


@dataclass(frozen=True, slots=True)
class Budgets:
    """Everything that a tenant's `budgets` say. `max_raise` is by unit, as `Limits` names them."""

    execution: Limits = EXECUTION
    lifetime: Limits = LIFETIME
    windows: tuple[Window, ...] = TENANT
    ladder: Ladder = field(default_factory=Ladder)
    downshift: Mapping[str, str] = field(default_factory=dict)
    max_raise: Mapping[str, int] = field(default_factory=dict)


def read_budgets(reader: Reader, value: object, path: str) -> Budgets:
    """The budgets at `path`; what they leave out keeps its default."""
    budgets = Budgets()
    for place, key, item in reader.entries(value, path, known=KEYS):
        match key:
            case "execution":
                budgets = replace(budgets, execution=read_limits(reader, item, place, EXECUTION, SCOPES[key]))
            case "lifetime":
                budgets = replace(budgets, lifetime=read_limits(reader, item, place, LIFETIME, SCOPES[key]))
            case "tenant":
                budgets = replace(budgets, windows=read_windows(reader, item, place))
            case "ladder":
                budgets = replace(budgets, ladder=_read_ladder(reader, item, place))
            case "downshift":
                budgets = replace(budgets, downshift=_read_downshift(reader, item, place))
            case _:
                budgets = replace(budgets, max_raise=read_amounts(reader, item, place, RAISED))
    return budgets


def write_budgets(budgets: Budgets) -> dict[str, object]:
    """The mapping that `read_budgets` reads as these, with nothing left to a default."""
    ladder = {rung: getattr(budgets.ladder, rung) for rung in RUNGS}
    return {
        "execution": write_limits(budgets.execution, SCOPES["execution"]),
        "lifetime": write_limits(budgets.lifetime, SCOPES["lifetime"]),
        "tenant": write_windows(budgets.windows),
        "ladder": {rung: None if at is None else write_fraction(at) for rung, at in ladder.items()},
        "downshift": dict(budgets.downshift),
        "max_raise": write_amounts(budgets.max_raise, RAISED),
    }


def _read_ladder(reader: Reader, value: object, path: str) -> Ladder:
    """Each rung above the one before, because only the highest that is reached acts; null turns off."""
    if value is None:
        return Ladder(*(None for _ in RUNGS))
    found: dict[str, int | None] = {}
    for place, rung, item in reader.entries(value, path, known=RUNGS):
        found[rung] = None if item is None else reader.convert(item, place, read_fraction)
    ladder = replace(Ladder(), **found)
    rungs = [(rung, at) for rung in RUNGS if (at := getattr(ladder, rung)) is not None]
    for (lower, low), (higher, high) in pairwise(rungs):
        if low >= high:
            message = f"`{lower}` at {write_fraction(low)} is not below `{higher}` at {write_fraction(high)}"
            reader.add("wrong_value", path, message, f"lower it, or write `{lower}: null`")
    return ladder


def _read_downshift(reader: Reader, value: object, path: str) -> dict[str, str]:
    """The next smaller model of each; no way may lead in a circle."""
    steps: dict[str, str] = {}
    entries = reader.entries(value, path, free=True)
    reader.most(entries, path, MAX_ALIASES)
    for place, alias, item in entries:
        if isinstance(item, str) and item and alias:
            steps[alias] = item
        else:
            reader.add("wrong_type", place, f"{shown(item)} is not the alias of a model", "write `large: default`")
    for alias in sorted(steps):
        if _circles(steps, alias):
            reader.add("wrong_value", join(path, alias), f"from `{alias}` the steps lead back to it", "take one out")
    return dict(sorted(steps.items()))


def _circles(steps: Mapping[str, str], start: str) -> bool:
    at = start
    for _ in steps:
        at = steps.get(at, "")
        if at == start:
            return True
    return False
