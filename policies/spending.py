"""The budget stage of the gate: what is left, what waits, what is cut down to fit, what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from policies.budget import UNITS, Amount, Unit, exceeded, fits, lacking
from policies.limits import WORDS
from policies.model import Facts, Reason, Request, Standing, Verdict
from policies.units import write_duration, write_usd

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_MAX_TOKENS = 256
"""An answer that may not even be this long is not worth asking for."""

_NAMES: dict[str, str] = {unit: word for word, unit in WORDS.items()}


@dataclass(slots=True)
class Plan:
    """What to reserve and send, and what the budget has to say about it."""

    reasons: tuple[Reason, ...]
    reserve: Amount
    max_tokens: int | None


def judge_budget(request: Request, facts: Facts) -> Plan:
    """Fit the call's worst case into both scopes, execution before lifetime."""
    scopes = (("execution", facts.execution), ("lifetime", facts.lifetime))
    if not any(_tight(standing, request) for _, standing in scopes):
        return Plan((), request.reserve, request.max_tokens)
    refused = [reason for scope, standing in scopes for reason in _refusals(scope, standing, request)]
    if refused:
        return Plan(tuple(refused), request.reserve, request.max_tokens)
    cut = max(_cut(standing, request) for _, standing in scopes)
    reserve, max_tokens = _lowered(request, cut)
    reasons: list[Reason] = []
    if cut:
        message = f"`max_tokens` is lowered from {request.max_tokens} to {max_tokens}: no more fits the budget"
        reasons.append(Reason("budget.max_tokens", Verdict.MODIFY, message))
    waits = [f"{scope}.{_NAMES[unit]}" for scope, standing in scopes for unit in exceeded(standing, reserve)]
    if waits:
        message = f"waits until calls in flight have given back what they do not use of `{'`, `'.join(waits)}`"
        reasons.append(Reason("budget.wait", Verdict.WAIT, message))
    return Plan(tuple(reasons), reserve, max_tokens)


def _tight(standing: Standing, request: Request) -> bool:
    return not fits(standing, request.reserve) or _spent(standing, "wall_ms")


def _refusals(scope: str, standing: Standing, request: Request) -> Iterator[Reason]:
    for unit in UNITS:
        rule = f"budget.{scope}.{_NAMES[unit]}"
        if unit in standing.stopped:
            message = (
                f"a call used more {_NAMES[unit]} than was reserved for it, so nothing more starts in this {scope}"
            )
            yield Reason(rule, Verdict.DENY, message)
        elif _spent(standing, unit) or not _can_fit(standing, request, unit):
            yield Reason(rule, Verdict.DENY, _no_room(scope, standing, request, unit))


def _spent(standing: Standing, unit: Unit) -> bool:
    """Wall clock has no reservation, so it is over when it is used up."""
    limit = standing.limit.wall_ms
    return unit == "wall_ms" and limit is not None and standing.used.wall_ms >= limit


def _can_fit(standing: Standing, request: Request, unit: Unit) -> bool:
    short = lacking(standing, request.reserve, unit, reserved=False)
    if not short:
        return True
    per_token = _per_token(request, unit)
    if not per_token or request.max_tokens is None or short > int(getattr(request.reserve, unit)):
        return False
    return request.max_tokens - _tokens(short, per_token) >= MIN_MAX_TOKENS


def _cut(standing: Standing, request: Request) -> int:
    """How many output tokens fewer the call must promise for its worst case to fit once siblings have settled."""
    shorts = ((unit, lacking(standing, request.reserve, unit, reserved=False)) for unit in UNITS)
    return max((_tokens(short, _per_token(request, unit)) for unit, short in shorts if short), default=0)


def _per_token(request: Request, unit: Unit) -> int:
    """What one output token fewer gives back of a unit."""
    if request.max_tokens is None:
        return 0
    return {"tokens": 1, "cost_nano": request.output_nano}.get(unit, 0)


def _tokens(short: int, per_token: int) -> int:
    return -(-short // per_token)


def _lowered(request: Request, cut: int) -> tuple[Amount, int | None]:
    if not cut or request.max_tokens is None:
        return request.reserve, request.max_tokens
    tokens = max(0, request.reserve.tokens - cut)
    cost_nano = max(0, request.reserve.cost_nano - cut * request.output_nano)
    return request.reserve._replace(tokens=tokens, cost_nano=cost_nano), request.max_tokens - cut


def _no_room(scope: str, standing: Standing, request: Request, unit: Unit) -> str:
    limit, used, need = (int(getattr(value, unit)) for value in (standing.limit, standing.used, request.reserve))
    name = _NAMES[unit]
    spent = f"{worded(unit, used)} of {worded(unit, limit)} {name} of this {scope} are used"
    more = f" and the call may use {worded(unit, need)} more" if need else ""
    return f"{spent}{more}: the operator's policy gives no more (`budgets.{scope}.{name}`)"


def worded(unit: Unit, value: int) -> str:
    """A number of a unit as people write it."""
    return {"cost_nano": write_usd, "wall_ms": write_duration}.get(unit, str)(value)
