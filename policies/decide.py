"""The gate: one total function that says whether a call may be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.model import Decision, Facts, Outcome, Reason, Request, Review, Trigger, Verdict
from policies.spending import judge_budget
from policies.stages import judge_capability, judge_protected, judge_risk, judge_tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from policies.tenant import TenantPolicy

STAGES: tuple[tuple[str, Callable[[TenantPolicy, Request, Facts], tuple[Reason, ...]]], ...] = (
    ("tenant", judge_tenant),
    ("capability", judge_capability),
    ("protected", judge_protected),
    ("risk", judge_risk),
)
"""The order of the gate; the budget comes last."""

STRICTNESS = (Verdict.ALLOW, Verdict.MODIFY, Verdict.WAIT, Verdict.ASK, Verdict.DENY)
_RANK = {verdict: rank for rank, verdict in enumerate(STRICTNESS)}
_ALLOWED = Reason("allow", Verdict.ALLOW, "every stage lets it pass")


def decide(policy: TenantPolicy, request: Request, facts: Facts) -> Decision:
    """Judge a call by every stage; the strictest verdict stands and every rule that spoke is named.

    Never raises for well-typed arguments, and gives the same answer for the same ones, wherever it runs.
    """
    spoken = [reason for _, judge in STAGES for reason in judge(policy, request, facts)]
    plan = judge_budget(request, facts)
    reasons = (*spoken, *plan.reasons)
    if not reasons:
        return Decision(Verdict.ALLOW, (_ALLOWED,), plan.reserve, plan.max_tokens)
    verdict = strictest(reasons)
    asks = tuple(_trigger(reason) for reason in reasons if verdict is reason.verdict is Verdict.ASK)
    return Decision(verdict, reasons, plan.reserve, plan.max_tokens, asks)


def review(policy: TenantPolicy, request: Request, facts: Facts, outcome: Outcome) -> Review:
    """Judge a call that has ended by the rules that read what it used."""
    del policy, request, facts, outcome
    return Review(Verdict.ALLOW)


def strictest(reasons: tuple[Reason, ...]) -> Verdict:
    """The strictest verdict among the reasons; allow if there are none."""
    return max((reason.verdict for reason in reasons), key=_RANK.__getitem__, default=Verdict.ALLOW)


def _trigger(reason: Reason) -> Trigger:
    """Only protected paths and risk ask."""
    return Trigger.PROTECTED_PATH if reason.rule == "protected.path" else Trigger.RISKY_TOOL
