"""Capabilities that people may grant: nothing else widens a run, and nothing a person says beats a denial."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policies.capability import Capability, CapabilitySet
from policies.decide import decide
from policies.model import Request, Trigger, Verdict
from policies.tenant import TenantPolicy
from policies.triggers import TriggerRule
from tests.unit.policies.test_decide import FACTS, POLICY, WRITE, caps

NET = Capability("net", "api.example.org")
GRANTABLE = replace(
    POLICY,
    grantable=caps("net:.example.org"),
    triggers={**POLICY.triggers, Trigger.CAPABILITY: TriggerRule()},
)
SILENT = replace(GRANTABLE, triggers=POLICY.triggers)
FETCH = replace(WRITE, needs=(*WRITE.needs, NET), asked=CapabilitySet((*WRITE.asked.grants, NET)))
UNASKED = replace(FETCH, needs=WRITE.needs, asked=caps("tool:fs.write"))
YES = frozenset({Trigger.CAPABILITY})


def rules(policy: TenantPolicy, request: Request) -> tuple[Verdict, tuple[str, ...]]:
    decision = decide(policy, request, FACTS)
    return decision.verdict, decision.rules


def test_what_may_be_granted_is_asked_for() -> None:
    decision = decide(GRANTABLE, FETCH, FACTS)
    assert (decision.verdict, decision.rules) == (Verdict.ASK, ("capability.grantable",))
    assert (decision.asks, decision.lacks) == ((Trigger.CAPABILITY,), (NET,))
    assert decision.reasons[0].values == (("lacks", '`net: ["api.example.org"]`'),)


def test_what_a_person_granted_counts_as_allowed() -> None:
    granted = replace(FETCH, granted=caps("net:.example.org"))
    decision = decide(GRANTABLE, granted, FACTS)
    assert (decision.verdict, decision.rules, decision.lacks) == (Verdict.ALLOW, ("allow",), ())
    assert rules(GRANTABLE, replace(granted, asked=WRITE.asked)) == (Verdict.ALLOW, ("allow",))


@pytest.mark.parametrize("granted", ["net:other.org", "fs.write:**", "net:.api.example.org"])
def test_a_grant_of_something_else_is_none(granted: str) -> None:
    assert rules(GRANTABLE, replace(FETCH, granted=caps(granted)))[0] in {Verdict.ASK, Verdict.ALLOW}
    covered = caps(granted).covers(NET)
    assert (rules(GRANTABLE, replace(FETCH, granted=caps(granted)))[0] is Verdict.ALLOW) is covered


def test_a_yes_without_a_grant_gives_nothing_beyond_the_policy() -> None:
    assert rules(GRANTABLE, replace(FETCH, discharged=YES)) == (Verdict.ASK, ("capability.grantable",))


def test_what_is_allowed_and_was_not_asked_for_may_be_approved() -> None:
    decision = decide(GRANTABLE, UNASKED, FACTS)
    assert (decision.verdict, decision.lacks) == (Verdict.ASK, (Capability("fs.write", "reports/x.md"),))
    assert rules(GRANTABLE, replace(UNASKED, discharged=YES)) == (Verdict.ALLOW, ("allow",))
    assert rules(GRANTABLE, replace(UNASKED, granted=caps("fs.write:reports/**"))) == (Verdict.ALLOW, ("allow",))


@pytest.mark.parametrize(("request_", "rule"), [(FETCH, "capability.not_granted"), (UNASKED, "capability.not_asked")])
def test_where_nobody_can_be_asked_it_is_denied_as_ever(request_: Request, rule: str) -> None:
    for discharged in (frozenset(), YES):
        assert rules(SILENT, replace(request_, discharged=discharged)) == (Verdict.DENY, (rule,))


@pytest.mark.parametrize(
    ("policy", "rule"),
    [
        (replace(GRANTABLE, deny=caps("net:api.example.org")), "capability.denied"),
        (replace(GRANTABLE, grantable=caps("net:docs.example.org")), "capability.not_granted"),
        (replace(GRANTABLE, grantable=CapabilitySet()), "capability.not_granted"),
    ],
)
def test_no_grant_goes_beyond_what_may_be_granted(policy: TenantPolicy, rule: str) -> None:
    for request in (FETCH, replace(FETCH, granted=caps("net:.example.org"), discharged=YES)):
        assert rules(policy, request) == (Verdict.DENY, (rule,))


def test_all_asks_are_merged_into_one() -> None:
    policy = replace(GRANTABLE, protected=("reports/**",))
    decision = decide(policy, FETCH, FACTS)
    assert decision.asks == (Trigger.CAPABILITY, Trigger.PROTECTED_PATH)
    assert decision.lacks == (NET,)


def test_nobody_is_asked_to_grant_what_is_denied_anyway() -> None:
    decision = decide(replace(GRANTABLE, deny=caps("tool:fs.write")), FETCH, FACTS)
    assert (decision.verdict, decision.asks, decision.lacks) == (Verdict.DENY, (), ())
