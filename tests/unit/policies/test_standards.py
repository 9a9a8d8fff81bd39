"""Of all that asks, the strictest standard holds."""

from __future__ import annotations

import pytest

from policies.evidence import Standard, escalated, standard_of, strictest
from policies.model import Trigger
from policies.people import Answerers
from policies.tenant import TenantPolicy
from policies.triggers import TriggerRule

RISKY, PATH, CAPABILITY = Trigger.RISKY_TOOL, Trigger.PROTECTED_PATH, Trigger.CAPABILITY
OPERATOR = TriggerRule(answerers=("role:operator",))


def policy(rules: dict[Trigger, TriggerRule], *, signatures: bool = False) -> TenantPolicy:
    return TenantPolicy("t", triggers=rules, answerers=Answerers(require_signature=signatures))


def test_a_trigger_that_the_policy_does_not_have_may_be_answered_by_anyone() -> None:
    assert standard_of(policy({}), (RISKY,)) == Standard()


def test_a_rule_says_who_and_how_many() -> None:
    rule = TriggerRule(answerers=("role:a", "zed"), quorum=2, not_starter=True)
    assert standard_of(policy({RISKY: rule}), (RISKY,)) == Standard(("role:a", "zed"), 2, not_starter=True, signed=True)


def test_of_several_triggers_one_person_must_satisfy_all() -> None:
    both = {
        RISKY: TriggerRule(answerers=("role:a", "role:b")),
        PATH: TriggerRule(answerers=("role:a", "zed"), quorum=3),
    }
    found = standard_of(policy(both), (RISKY, PATH))
    assert found.answerers == ("role:a", "role:a&zed", "role:b&role:a", "role:b&zed")
    assert found.quorum == 3


def test_anyone_narrows_nothing() -> None:
    one = Standard(("role:a",))
    assert strictest([one, Standard(("any",)), Standard(("zed", "any")), Standard()]) == one
    assert strictest([one, one]) == one
    assert strictest([]) == Standard()


@pytest.mark.parametrize("rule", [TriggerRule(quorum=2), TriggerRule(not_starter=True)])
def test_what_cannot_be_told_without_signatures_needs_them(rule: TriggerRule) -> None:
    assert standard_of(policy({RISKY: rule}), (RISKY,)).signed
    assert not standard_of(policy({RISKY: OPERATOR}), (RISKY,)).signed


def test_a_policy_may_want_signatures_everywhere() -> None:
    assert standard_of(policy({}, signatures=True), (RISKY,)).signed


@pytest.mark.parametrize(
    ("trigger", "outcome", "signed"),
    [
        (CAPABILITY, "grant", True),
        (CAPABILITY, "approve", True),
        (CAPABILITY, "deny", False),
        (Trigger.GAP, "grant", True),
        (Trigger.BUDGET, "raise", True),
        (Trigger.BUDGET, "continue", False),
        (Trigger.HUMAN_NODE, "grant", False),
        (Trigger.HUMAN_NODE, "raise", False),
        (RISKY, "approve", False),
    ],
)
def test_widening_needs_a_signature(trigger: Trigger, outcome: str, *, signed: bool) -> None:
    assert standard_of(policy({}), (RISKY, trigger), outcome=outcome).signed == signed


def test_a_question_may_pass_to_others() -> None:
    later = TriggerRule(answerers=("role:boss",), quorum=2)
    rules = {RISKY: TriggerRule(answerers=("role:operator",), escalate=later), PATH: OPERATOR}
    assert escalated(policy(rules), (RISKY,)) == Standard(("role:boss",), 2, signed=True)
    assert escalated(policy(rules), (RISKY, PATH)) == Standard(("role:boss&role:operator",), 2, signed=True)
    assert escalated(policy(rules), (PATH,)) is None
