"""The budget stage of the gate: what is left, what waits, what is cut down to fit, what is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from policies.budget import NOTHING, UNITS, Amount, Limits, Unit, exceeded, fits, lacking
from policies.model import Facts, Reason, Request, Standing, Verdict
from policies.rungs import NAMES, climbed, move, spoken, stopping, worded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.rungs import Reached
    from policies.tenant import TenantPolicy

MIN_MAX_TOKENS = 256
"""An answer that may not even be this long is not worth asking for."""
STOP = "budget.stop"
_EMPTY = Standing(Limits(tokens=0, cost_nano=0, steps=0, wall_ms=0, tool_calls=0), NOTHING, NOTHING)


@dataclass(slots=True)
class Plan:
    """What to reserve and send, and what the budget has to say about it; the rest is as in `Decision`."""

    reasons: tuple[Reason, ...]
    reserve: Amount
    max_tokens: int | None
    warnings: tuple[Reason, ...] = ()
    rungs: tuple[tuple[str, str], ...] = ()
    downshift: str | None = None
    lack: Amount | None = None


@dataclass(slots=True)
class _Scope:
    """A standing that a call must fit; `rule` is what refuses where it is not the limit of a unit, `words` why."""

    name: str
    at: Standing
    rule: str | None = None
    words: str | None = None

    def refusal(self, unit: Unit, message: str) -> Reason:
        rule = self.rule or f"budget.{self.name}.{NAMES[unit]}"
        return Reason(rule, Verdict.DENY, self.words or message)

    def source(self, unit: Unit) -> str:
        if self.rule == STOP:
            return "the ladder stops there (`budgets.ladder.stop`)"
        return f"the operator's policy gives no more (`budgets.{self.name}.{NAMES[unit]}`)"


def judge_budget(policy: TenantPolicy, request: Request, facts: Facts) -> Plan:
    """Fit the call's worst case into every scope, then see what the ladder and the run's lease say to it.

    A call that the ladder moves to a cheaper model is not judged any further: it is decided again as that.
    """
    reached = climbed(policy, facts, request.reserve)
    moved = move(policy, request, facts, reached)
    if moved is not None:
        return Plan((moved.reason,), request.reserve, request.max_tokens, rungs=moved.rungs, downshift=moved.alias)
    plan = _fitted(policy, request, facts)
    if any(reason.verdict is not Verdict.MODIFY for reason in plan.reasons):
        return plan
    _lease(facts, plan)
    if plan.lack is None:
        _climb(request, plan, climbed(policy, facts, plan.reserve) if plan.reasons else reached)
    return plan


def _fitted(policy: TenantPolicy, request: Request, facts: Facts) -> Plan:
    if _is_loose(facts.execution, request) and _is_loose(facts.lifetime, request) and not _has_more(policy, facts):
        return Plan((), request.reserve, request.max_tokens)
    scopes = list(_scopes(policy, facts))
    refused = [reason for scope in scopes for reason in _refusals(scope, request)]
    if refused:
        return Plan(_settled(refused), request.reserve, request.max_tokens)
    cut = max(_cut(scope.at, request) for scope in scopes)
    reserve, max_tokens = _lowered(request, cut)
    reasons: list[Reason] = []
    if cut:
        message = f"`max_tokens` is lowered from {request.max_tokens} to {max_tokens}: no more fits the budget"
        reasons.append(Reason("budget.max_tokens", Verdict.MODIFY, message))
    waits = [f"{scope.name}.{NAMES[unit]}" for scope in scopes for unit in exceeded(scope.at, reserve)]
    if waits:
        where = "`, `".join(dict.fromkeys(waits))
        message = f"waits until calls in flight have given back what they do not use of `{where}`"
        reasons.append(Reason("budget.wait", Verdict.WAIT, message))
    return Plan(tuple(reasons), reserve, max_tokens)


def _scopes(policy: TenantPolicy, facts: Facts) -> Iterator[_Scope]:
    """The execution before the run. Of the tenant's budget there is no more than the lease once the ledger said no."""
    yield _Scope("execution", facts.execution)
    yield _Scope("lifetime", facts.lifetime)
    stops = stopping(policy, facts.lifetime)
    if stops is not None:
        yield _Scope("lifetime", stops, STOP)
    others = None if facts.tenant is None else stopping(policy, facts.tenant)
    if others is not None:  # what other runs have reserved does not come back by waiting here
        yield _Scope("tenant", replace(others, used=others.used + others.reserved, reserved=NOTHING), STOP)
    if facts.tenant_refused is not None:
        yield _Scope("tenant", facts.lease or _EMPTY, "budget.tenant", facts.tenant_refused)


def _settled(refused: list[Reason]) -> tuple[Reason, ...]:
    """Each rule once; what its own limit refuses is not told again by the ladder's stop."""
    hard = [reason for reason in refused if reason.rule != STOP]
    return tuple({reason.rule: reason for reason in hard or refused}.values())


def _lease(facts: Facts, plan: Plan) -> None:
    """A call waits until the run holds as much of the tenant's budget as the call may use."""
    if facts.lease is None or facts.tenant_refused is not None or fits(facts.lease, plan.reserve):
        return
    lack = Amount(**{unit: lacking(facts.lease, plan.reserve, unit) for unit in UNITS})
    if any(lack):
        plan.lack = lack
        message = "waits until the run holds a larger share of the tenant's budget"
        plan.reasons = (*plan.reasons, Reason("budget.lease", Verdict.WAIT, message))


def _climb(request: Request, plan: Plan, reached: tuple[Reached, ...]) -> None:
    if not reached:
        return
    plan.rungs = tuple(rung.act for rung in reached)
    plan.reasons = (*plan.reasons, *(spoken(request, rung) for rung in reached if rung.rung == "ask"))
    plan.warnings = tuple(spoken(request, rung) for rung in reached if rung.rung != "ask")


def _is_loose(standing: Standing, request: Request) -> bool:
    return fits(standing, request.reserve) and not _spent(standing, "wall_ms")


def _has_more(policy: TenantPolicy, facts: Facts) -> bool:
    """Whether more than the limits of execution and run must be looked at."""
    return facts.tenant_refused is not None or stopping(policy, facts.lifetime) is not None


def _refusals(scope: _Scope, request: Request) -> Iterator[Reason]:
    for unit in UNITS:
        if unit in scope.at.stopped:
            message = (
                f"a call used more {NAMES[unit]} than was reserved for it, so nothing more starts in this {scope.name}"
            )
            yield scope.refusal(unit, message)
        elif _spent(scope.at, unit) or not _can_fit(scope.at, request, unit):
            yield scope.refusal(unit, _no_room(scope, request, unit))


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


def _no_room(scope: _Scope, request: Request, unit: Unit) -> str:
    limit, used, need = (int(getattr(value, unit)) for value in (scope.at.limit, scope.at.used, request.reserve))
    spent = f"{worded(unit, used)} of {worded(unit, limit)} {NAMES[unit]} of this {scope.name} are used"
    more = f" and the call may use {worded(unit, need)} more" if need else ""
    return f"{spent}{more}: {scope.source(unit)}"
