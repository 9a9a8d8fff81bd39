"""Why a call was decided as it was: a row per rule and stage of the gate, for `detent policy explain`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from policies.budget import UNITS
from policies.cel_hoist import fetcher
from policies.cel_values import concatenate
from policies.decide import STAGES
from policies.errors import ExpressionError
from policies.loop_guard import judge_loop, polls
from policies.model import Facts, Reason, Request, Standing, Verdict
from policies.rules import examine, rules_after
from policies.rungs import NAMES, worded
from policies.spending import judge_budget
from policies.stages import risk_level

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policies.rules import Finding
    from policies.tenant import TenantPolicy

PASSED = "nothing to say against it"
MAX_VALUE = 80


@dataclass(frozen=True, slots=True)
class StageRow:
    """What one stage said. `rule` is `allow` where no rule spoke; `values` is what the stage looked at, as text."""

    stage: str
    verdict: Verdict
    rule: str
    message: str
    values: Mapping[str, str]


def explain(policy: TenantPolicy, request: Request, facts: Facts) -> tuple[StageRow, ...]:
    """A row for each rule that spoke, each guardrail, and each stage in which none spoke, in the order of the gate.

    The strictest verdict of the rows is that of `decide` for the same arguments. A row that warns allows.
    """
    seen = _values(policy, request, facts)
    spoken = {stage: judge(policy, request, facts) for stage, judge in STAGES}
    spoken["loop"] = judge_loop(policy, request, facts)
    plan = judge_budget(policy, request, facts)
    return (
        *(row for stage, reasons in spoken.items() for row in _rows(stage, reasons, seen[stage])),
        *_rule_rows(policy, request, facts),
        *_rows("budget", (*plan.reasons, *plan.warnings), seen["budget"]),
    )


def _rows(stage: str, reasons: tuple[Reason, ...], values: Mapping[str, str]) -> Iterator[StageRow]:
    for reason in reasons or (Reason("allow", Verdict.ALLOW, PASSED),):
        yield StageRow(stage, reason.verdict, reason.rule, reason.message, values)


def _rule_rows(policy: TenantPolicy, request: Request, facts: Facts) -> Iterator[StageRow]:
    for finding in examine(policy, request, facts, silent=True):
        reason = finding.reason
        yield StageRow("guardrails", reason.verdict, reason.rule, reason.message, _read(finding))
    for rule in rules_after(policy):
        yield StageRow("guardrails", Verdict.ALLOW, rule.id, "it runs after the call", {"when": rule.guardrail.when})
    if not policy.guardrails:
        yield from _rows("guardrails", (), {})


def _read(finding: Finding) -> dict[str, str]:
    """What a rule read, shortened."""
    values = {"when": finding.rule.guardrail.when}
    for path in finding.rule.paths:
        try:
            text = concatenate([fetcher(path)(finding.bindings)])
        except ExpressionError as error:
            text = str(error)
        values[str(path)] = text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"
    return values


def _values(policy: TenantPolicy, request: Request, facts: Facts) -> dict[str, dict[str, str]]:
    level = risk_level(policy, request)
    return {
        "tenant": {"tenant": policy.name, "namespace": facts.namespace, "namespaces": ", ".join(policy.namespaces)},
        "capability": {
            "needs": _listed(request.needs),
            "asked": _listed(request.asked.grants),
            **({} if request.granted is None else {"granted": _listed(request.granted.grants)}),
        },
        "protected": {"protected": ", ".join(policy.protected)},
        "risk": {"declared": request.risk, "level": level, "mode": policy.risk.mode(level)},
        "loop": _loop(request, facts),
        "budget": _budget(request, facts),
    }


def _loop(request: Request, facts: Facts) -> dict[str, str]:
    """How often the frame has made this call, and the node any."""
    if facts.loop is None:
        return {}
    calls, total = facts.loop.calls.get(request.fingerprint, 0), facts.loop.totals.get(request.node, 0)
    return {"same_call": str(calls), "total": str(total), **({"polls": "yes"} if polls(request) else {})}


def _budget(request: Request, facts: Facts) -> dict[str, str]:
    scopes = (
        ("execution", facts.execution),
        ("lifetime", facts.lifetime),
        ("tenant", facts.tenant),
        ("lease", facts.lease),
    )
    rows = {name: text for scope, at in scopes if at is not None for name, text in _standing(scope, at, request)}
    return rows | {f"rung {place}": rung for place, rung in sorted(facts.rungs.items())}


def _listed(values: tuple[object, ...]) -> str:
    return ", ".join(str(value) for value in values)


def _standing(scope: str, standing: Standing, request: Request) -> Iterator[tuple[str, str]]:
    """For each unit that has a limit: what is used, reserved and needed, out of how much."""
    for unit in UNITS:
        limit = getattr(standing.limit, unit)
        if limit is not None:
            parts = (standing.used, standing.reserved, request.reserve)
            used, reserved, need = (worded(unit, getattr(part, unit)) for part in parts)
            text = f"{used} used + {reserved} reserved + {need} needed of {worded(unit, limit)}"
            yield f"{scope}.{NAMES[unit]}", text
