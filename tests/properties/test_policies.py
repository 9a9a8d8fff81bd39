"""What holds of every policy: the gate always answers, the same way, and nothing that narrows ever widens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from policies.capability import Capability, CapabilitySet
from policies.decide import STRICTNESS, decide, review
from policies.explain import explain
from policies.model import Trigger, Verdict
from tests.properties import strategies

if TYPE_CHECKING:
    from random import Random

    from policies.guardrails import Guardrail
    from policies.model import Facts, Outcome, Request
    from policies.tenant import TenantPolicy

STAGES = ("tenant", "capability", "protected", "risk", "loop", "guardrails", "budget")
ISSUED = {Verdict.ALLOW, Verdict.MODIFY}


@settings(max_examples=150)
@given(strategies.policies, strategies.requests, strategies.facts)
def test_every_call_is_decided_and_explained_alike(policy: TenantPolicy, request: Request, facts: Facts) -> None:
    decision, rows = decide(policy, request, facts), explain(policy, request, facts)
    assert decision.reasons
    assert decision.verdict is max((row.verdict for row in rows), key=STRICTNESS.index)
    assert [row.stage for row in rows] == sorted((row.stage for row in rows), key=STAGES.index)
    assert {stage for stage in STAGES if any(row.stage == stage for row in rows)} >= set(STAGES) - {"guardrails"}
    assert set(decision.rules) - {"allow"} <= {row.rule for row in rows}


@settings(max_examples=120)
@given(strategies.policies, strategies.requests, strategies.facts)
def test_what_a_decision_says_beside_its_verdict_fits_it(policy: TenantPolicy, request: Request, facts: Facts) -> None:
    decision = decide(policy, request, facts)
    asked = {reason.trigger for reason in decision.reasons if reason.verdict is Verdict.ASK}
    assert set(decision.asks) == (asked if decision.verdict is Verdict.ASK else set())
    assert bool(decision.lacks) is (Trigger.CAPABILITY in decision.asks)
    assert not any(trigger not in policy.triggers for trigger in decision.asks)
    assert decision.downshift is None or decision.verdict in {Verdict.MODIFY, Verdict.ASK}
    assert decision.lack is None or any(decision.lack)
    assert decision.max_tokens == request.max_tokens or "budget.max_tokens" in decision.rules
    assert all(len(reason.message) <= 300 for reason in decision.reasons if reason.rule.startswith("guardrail"))


@settings(max_examples=120)
@given(strategies.policies, strategies.requests, strategies.facts, st.randoms(use_true_random=False))
def test_the_order_in_which_a_policy_is_written_decides_nothing(
    policy: TenantPolicy, request: Request, facts: Facts, order: Random
) -> None:
    shuffled = list(policy.guardrails)
    order.shuffle(shuffled)
    turned = replace(
        policy,
        guardrails=tuple(shuffled),
        allow=CapabilitySet(policy.allow.grants[::-1]),
        deny=CapabilitySet(policy.deny.grants[::-1]),
        grantable=CapabilitySet(policy.grantable.grants[::-1]),
        protected=policy.protected[::-1],
    )
    assert decide(turned, request, facts) == decide(policy, request, facts)
    assert decide(policy, request, facts) == decide(policy, request, facts)


@settings(max_examples=120)
@given(strategies.policies, strategies.requests, strategies.facts, strategies.guardrails)
def test_a_guardrail_more_never_loosens(
    policy: TenantPolicy, request: Request, facts: Facts, more: tuple[Guardrail, ...]
) -> None:
    fresh = tuple(rule for rule in more if rule.id not in {other.id for other in policy.guardrails})
    stricter = replace(policy, guardrails=(*policy.guardrails, *fresh))
    before, after = (STRICTNESS.index(decide(found, request, facts).verdict) for found in (policy, stricter))
    assert after >= before


@given(strategies.policies, strategies.requests, strategies.facts, strategies.outcomes)
def test_every_outcome_is_reviewed(policy: TenantPolicy, request: Request, facts: Facts, outcome: Outcome) -> None:
    found = review(policy, request, facts, outcome)
    assert found.verdict in {Verdict.ALLOW, Verdict.REJECT, Verdict.PAUSE, Verdict.ABORT}
    turned = replace(policy, guardrails=policy.guardrails[::-1])
    assert review(turned, request, facts, outcome) == found


@settings(max_examples=120)
@given(strategies.policies, strategies.requests, strategies.facts)
def test_no_call_is_issued_that_the_policy_does_not_cover(policy: TenantPolicy, request: Request, facts: Facts) -> None:
    if decide(policy, request, facts).verdict in ISSUED:
        mine = request.granted or CapabilitySet()
        for need in request.needs:
            assert not policy.deny.forbids(need)
            assert policy.allow.covers(need) or (policy.grantable.covers(need) and mine.covers(need))


@settings(max_examples=120)
@given(strategies.sets, strategies.sets, strategies.capabilities)
def test_attenuation_never_widens(parent: CapabilitySet, child: CapabilitySet, request: Capability) -> None:
    both = parent.attenuate(child)
    if both.covers(request):
        assert parent.covers(request)
        assert child.covers(request)
    for grant in both.grants:
        assert grant in parent.grants or parent.covers(grant)
        assert grant in child.grants or child.covers(grant)


@given(strategies.policies, strategies.sets, strategies.requests, strategies.facts)
def test_a_run_that_asks_for_less_gets_no_more(
    policy: TenantPolicy, less: CapabilitySet, request: Request, facts: Facts
) -> None:
    narrowed = replace(request, asked=request.asked.attenuate(less))
    before, after = (STRICTNESS.index(decide(policy, found, facts).verdict) for found in (request, narrowed))
    assert after >= before
