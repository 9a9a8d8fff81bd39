"""The budget ladder at work: which rungs a call reaches, and what they do to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from policies.budget import UNITS, Amount, Limits, Unit, fits
from policies.capability import Capability
from policies.ladder import Rung
from policies.limits import WORDS
from policies.model import Facts, Reason, Request, Standing, Trigger, Verdict
from policies.stages import may
from policies.units import write_duration, write_usd

if TYPE_CHECKING:
    from collections.abc import Callable

    from policies.tenant import TenantPolicy

WHOLE: Final = 1000
"""Fractions are in thousandths."""
ORDER: Final[tuple[Rung, ...]] = ("warn", "downshift", "ask", "stop")
NAMES: Final[dict[str, str]] = {unit: word for word, unit in WORDS.items()}
"""What people call a unit."""
Active: TypeAlias = tuple[tuple[Rung, int], ...]
_OWNERS = {"lifetime": "run", "tenant": "tenant"}


@dataclass(frozen=True, slots=True)
class Reached:
    """A rung that a call reaches first: `<scope>.<unit>`, the rung, and how full the scope is in words."""

    place: str
    rung: Rung
    about: str

    @property
    def rule(self) -> str:
        """The id of the rule."""
        return f"ladder.{self.place}.{self.rung}"

    @property
    def act(self) -> tuple[str, str]:
        """What is remembered, so that it acts once."""
        return (self.place, self.rung)


def worded(unit: Unit, value: int) -> str:
    """A number of a unit as people write it."""
    return {"cost_nano": write_usd, "wall_ms": write_duration}.get(unit, str)(value)


def climbed(policy: TenantPolicy, facts: Facts, reserve: Amount) -> tuple[Reached, ...]:
    """The highest rung of each scope and unit that this reserve reaches, where it has not acted yet."""
    rungs = _active(policy)
    if not rungs or is_calm(policy, facts, reserve):
        return ()
    scopes = (("lifetime", facts.lifetime), ("tenant", facts.tenant))
    found = (_reached(scope, at, unit, reserve, rungs) for scope, at in scopes if at is not None for unit in UNITS)
    return tuple(reached for reached in found if reached and not _acted(facts, reached.place, reached.rung))


def is_calm(policy: TenantPolicy, facts: Facts, reserve: Amount) -> bool:
    """Whether no rung is reached in any scope, found out fast."""
    lowest = min((threshold for _, threshold in _active(policy)), default=WHOLE)
    for standing in (facts.lifetime, facts.tenant):
        if standing is not None:
            below = _below(standing.limit, lowest)
            if not fits(Standing(below, standing.used, standing.reserved), reserve):
                return False
    return True


@dataclass(frozen=True, slots=True)
class Move:
    """The cheaper alias that a model call goes to, why, and the rungs that act in it."""

    alias: str
    reason: Reason
    rungs: tuple[tuple[str, str], ...]


def move(policy: TenantPolicy, request: Request, facts: Facts, reached: tuple[Reached, ...]) -> Move | None:
    """Where the ladder moves a model call that reaches these rungs; null where it leaves it.

    Once the rung has acted somewhere, every later call of an alias that can be moved is.
    """
    target = policy.downshift.get(request.name) if request.kind == "model" and not request.downshifted else None
    if target is None or policy.ladder.downshift is None:
        return None
    new = tuple(rung for rung in reached if rung.rung == "downshift")
    before = sorted(place for place in facts.rungs if _acted(facts, place, "downshift"))
    if not (new or before) or not may(policy, request, Capability("model", target)):
        return None
    rule = new[0].rule if new else f"ladder.{before[0]}.downshift"
    about = new[0].about if new else f"the budget of {before[0]} has passed its `ladder.downshift`"
    reason = Reason(rule, Verdict.MODIFY, f"{about}: `{target}` is used instead of `{request.name}`")
    return Move(target, reason, tuple(rung.act for rung in new))


def spoken(request: Request, reached: Reached) -> Reason:
    """What a rung says of a call. Where it does not ask, that is a warning."""
    if reached.rung != "ask":
        more = ": from here on calls go to cheaper models" if reached.rung == "downshift" else ""
        return Reason(reached.rule, Verdict.ALLOW, f"{reached.about}{more}")
    if Trigger.BUDGET in request.discharged:
        return Reason(reached.rule, Verdict.ALLOW, f"{reached.about}; a person has let it go on")
    return Reason(reached.rule, Verdict.ASK, f"{reached.about}: a person must say how to go on", Trigger.BUDGET)


def stopping(policy: TenantPolicy, standing: Standing) -> Standing | None:
    """The scope as it stands where the ladder stops below the limit; null where it stops at the limit itself."""
    stop = policy.ladder.stop
    if stop is None or stop >= WHOLE:
        return None
    return Standing(_scaled(standing.limit, stop), standing.used, standing.reserved, standing.stopped)


def _active(policy: TenantPolicy) -> Active:
    """The rungs that are on, with their thresholds, highest first. Asking takes somebody to ask."""
    ladder = policy.ladder
    ask = ladder.ask if Trigger.BUDGET in policy.triggers else None
    return _rungs(ask, ladder.downshift if policy.downshift else None, ladder.warn)


@lru_cache(maxsize=1024)
def _rungs(ask: int | None, downshift: int | None, warn: int | None) -> Active:
    every: tuple[tuple[Rung, int | None], ...] = (("ask", ask), ("downshift", downshift), ("warn", warn))
    return tuple((rung, threshold) for rung, threshold in every if threshold is not None)


def _reached(scope: str, standing: Standing, unit: Unit, reserve: Amount, rungs: Active) -> Reached | None:
    limit: int | None = getattr(standing.limit, unit)
    total = sum(int(getattr(part, unit)) for part in (standing.used, standing.reserved, reserve))
    if not limit or not total:
        return None
    for rung, threshold in rungs:
        if total * WHOLE >= limit * threshold:
            share = f"{worded(unit, total)} of {worded(unit, limit)} {NAMES[unit]} of this {_OWNERS[scope]}"
            return Reached(f"{scope}.{NAMES[unit]}", rung, f"{share} are used or reserved")
    return None


def _acted(facts: Facts, place: str, rung: str) -> bool:
    acted = facts.rungs.get(place)
    return acted in ORDER and ORDER.index(acted) >= ORDER.index(rung)


@lru_cache(maxsize=1024)
def _below(limits: Limits, threshold: int) -> Limits:
    """The most of each unit that stays under a threshold."""
    return _each(limits, lambda limit: (limit * threshold + WHOLE - 1) // WHOLE - 1)


@lru_cache(maxsize=1024)
def _scaled(limits: Limits, threshold: int) -> Limits:
    """The most of each unit that is not over a threshold."""
    return _each(limits, lambda limit: limit * threshold // WHOLE)


def _each(limits: Limits, change: Callable[[int], int]) -> Limits:
    found = {unit: getattr(limits, unit) for unit in UNITS}
    return Limits(**{unit: None if limit is None else change(limit) for unit, limit in found.items()})
