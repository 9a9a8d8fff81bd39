"""The gate: one total function that says whether a call may be made, and one that looks at what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.loop_guard import judge_loop
from policies.model import Decision, Facts, Outcome, Reason, Request, Review, Trigger, Verdict
from policies.rules import RANK, judge_rules
from policies.spending import judge_budget
from policies.stages import judge_capability, judge_protected, judge_risk, judge_tenant, lacking_needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from policies.tenant import TenantPolicy

STAGES: tuple[tuple[str, Callable[[TenantPolicy, Request, Facts], tuple[Reason, ...]]], ...] = (
    ("tenant", judge_tenant),
    ("capability", judge_capability),
    ("protected", judge_protected),
    ("risk", judge_risk),
)
"""The order of the gate; the loop guard, the guardrails and the budget come after these."""

STRICTNESS = tuple(Verdict)
"""The verdicts, mildest first."""
_NO_OBJECTION = (Reason("allow", Verdict.ALLOW, "every stage lets it pass"),)
_REFUSALS = frozenset(STRICTNESS[RANK[Verdict.DENY] :])


def decide(policy: TenantPolicy, request: Request, facts: Facts) -> Decision:
    """Judge a call by every stage; the strictest verdict stands and every rule that spoke is named.

    Never raises for well-typed arguments, and gives the same answer for the same ones, wherever it runs and
    in whatever order the policy lists its guardrails.
    """
    reasons = [reason for _, judge in STAGES for reason in judge(policy, request, facts)]
    warnings: list[Reason] = []
    for reason in judge_loop(policy, request, facts):
        (warnings if reason.verdict is Verdict.ALLOW else reasons).append(reason)
    for finding in judge_rules(policy, request, facts):
        (warnings if finding.warns else reasons).append(finding.reason)
    plan = judge_budget(policy, request, facts)
    reasons += plan.reasons
    verdict = strictest(reasons)
    if verdict in _REFUSALS:
        return Decision(verdict, tuple(reasons), plan.reserve, plan.max_tokens, (), tuple(warnings), lack=plan.lack)
    asks = _asks(reasons) if verdict is Verdict.ASK else ()
    return Decision(
        verdict,
        tuple(reasons) or _NO_OBJECTION,
        plan.reserve,
        plan.max_tokens,
        asks,
        (*warnings, *plan.warnings),
        plan.rungs,
        plan.downshift,
        plan.lack,
        lacking_needs(policy, request) if Trigger.CAPABILITY in asks else (),
    )


def review(policy: TenantPolicy, request: Request, facts: Facts, outcome: Outcome) -> Review:
    """Judge a call that has ended by the rules that read what it used; an error of one holds the run."""
    found = judge_rules(policy, request, facts, outcome)
    reasons = tuple(finding.reason for finding in found if not finding.warns)
    return Review(strictest(reasons), reasons, tuple(finding.reason for finding in found if finding.warns))


def strictest(reasons: Iterable[Reason]) -> Verdict:
    """The strictest verdict among the reasons; allow if there are none."""
    return max((reason.verdict for reason in reasons), key=RANK.__getitem__, default=Verdict.ALLOW)


def _asks(reasons: list[Reason]) -> tuple[Trigger, ...]:
    """What a person must say yes to, each once, in the order of the gate."""
    asked = [reason.trigger for reason in reasons if reason.verdict is Verdict.ASK and reason.trigger is not None]
    return tuple(dict.fromkeys(asked))
