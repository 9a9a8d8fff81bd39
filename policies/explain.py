"""Why a call was decided as it was: a row per stage of the gate, for `detent policy explain`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from policies.budget import UNITS
from policies.decide import STAGES, strictest
from policies.limits import WORDS
from policies.model import Facts, Reason, Request, Standing, Verdict
from policies.spending import judge_budget, worded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.tenant import TenantPolicy

_PASSED = "nothing to say against it"


@dataclass(frozen=True, slots=True)
class StageRow:
    """What one stage said. `rule` is `allow` where no rule spoke; `values` is what the stage looked at, as text."""

    stage: str
    verdict: Verdict
    rule: str
    message: str
    values: Mapping[str, str]


def explain(policy: TenantPolicy, request: Request, facts: Facts) -> tuple[StageRow, ...]:
    """A row for each rule that spoke and for each stage in which none did, in the order of the gate.

    The strictest verdict of the rows is that of `decide` for the same arguments.
    """
    spoken = {stage: judge(policy, request, facts) for stage, judge in STAGES}
    spoken["budget"] = judge_budget(request, facts).reasons
    seen = _values(policy, request, facts)
    return tuple(
        StageRow(stage, reason.verdict, reason.rule, reason.message, seen[stage])
        for stage, reasons in spoken.items()
        for reason in reasons or (Reason("allow", strictest(()), _PASSED),)
    )


def _values(policy: TenantPolicy, request: Request, facts: Facts) -> dict[str, dict[str, str]]:
    level = policy.risk.level(request.name, request.risk) if request.kind == "tool" else request.risk
    return {
        "tenant": {"tenant": policy.name, "namespace": facts.namespace, "namespaces": ", ".join(policy.namespaces)},
        "capability": {"needs": _listed(request.needs), "asked": _listed(request.asked.grants)},
        "protected": {"protected": ", ".join(policy.protected)},
        "risk": {"declared": request.risk, "level": level, "mode": policy.risk.mode(level)},
        "budget": {
            **_standing("execution", facts.execution, request),
            **_standing("lifetime", facts.lifetime, request),
        },
    }


def _listed(values: tuple[object, ...]) -> str:
    return ", ".join(str(value) for value in values)


def _standing(scope: str, standing: Standing, request: Request) -> dict[str, str]:
    """For each unit that has a limit: what is used, reserved and needed, out of how much."""
    names = {unit: word for word, unit in WORDS.items()}
    rows: dict[str, str] = {}
    for unit in UNITS:
        limit = getattr(standing.limit, unit)
        if limit is not None:
            parts = (standing.used, standing.reserved, request.reserve)
            used, reserved, need = (worded(unit, getattr(part, unit)) for part in parts)
            rows[f"{scope}.{names[unit]}"] = (
                f"{used} used + {reserved} reserved + {need} needed of {worded(unit, limit)}"
            )
    return rows
