"""The gate: every stage refuses what only it can refuse, and the strictest verdict stands."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.budget import NOTHING, Amount, Limits
from policies.capability import Capability, CapabilitySet
from policies.decide import STRICTNESS, decide, strictest
from policies.explain import explain
from policies.model import Effect, Facts, Reason, Request, Risk, Standing, Trigger, Verdict
from policies.risk import RiskRules
from policies.stages import MAX_KNOWN, risk_level
from policies.tenant import TenantPolicy
from policies.triggers import TriggerRule

FREE = Standing(Limits(), NOTHING, NOTHING)
FACTS = Facts("default", FREE, FREE)
ASKS = {Trigger.RISKY_TOOL: TriggerRule(), Trigger.PROTECTED_PATH: TriggerRule()}
BOTH = frozenset(ASKS)
STAGE_NAMES = ["tenant", "capability", "protected", "risk", "loop", "guardrails", "budget"]


def caps(*texts: str) -> CapabilitySet:
    return CapabilitySet(tuple(Capability(*text.split(":", 1)) for text in texts))


POLICY = TenantPolicy("default", allow=caps("tool:fs.*", "fs.write:**", "model:*"), triggers=ASKS)
WRITE = Request(
    kind="tool",
    name="fs.write",
    activation="write#1",
    node="write",
    effect=Effect.IDEMPOTENT,
    risk=Risk.MEDIUM,
    needs=caps("tool:fs.write", "fs.write:reports/x.md").grants,
    asked=caps("tool:fs.*", "fs.write:reports/**"),
    reserve=Amount(tool_calls=1),
)
SPENT = Standing(Limits(tool_calls=5), Amount(tool_calls=5), NOTHING)

REFUSALS = [
    ("tenant.namespace", replace(POLICY, namespaces=("production",)), WRITE, FACTS),
    ("capability.undeclared", POLICY, replace(WRITE, needs=caps("fs.write:reports/x.md").grants), FACTS),
    ("capability.denied", replace(POLICY, deny=caps("fs.write:**/x.md")), WRITE, FACTS),
    ("capability.not_granted", replace(POLICY, allow=caps("tool:*", "fs.write:out/**")), WRITE, FACTS),
    ("capability.not_asked", POLICY, replace(WRITE, asked=caps("tool:fs.*", "fs.write:reports/*/*")), FACTS),
    ("protected.path", replace(POLICY, protected=("reports/**",), triggers={}), WRITE, FACTS),
    ("risk.critical", POLICY, replace(WRITE, risk=Risk.CRITICAL), FACTS),
    ("risk.high", replace(POLICY, triggers={}), replace(WRITE, risk=Risk.HIGH), FACTS),
    ("budget.execution.tool_calls", POLICY, WRITE, Facts("default", SPENT, FREE)),
    ("budget.lifetime.tool_calls", POLICY, WRITE, Facts("default", FREE, SPENT)),
]


def test_a_call_that_no_stage_objects_to_is_allowed() -> None:
    decision = decide(POLICY, WRITE, FACTS)
    assert (decision.verdict, decision.rules, decision.asks) == (Verdict.ALLOW, ("allow",), ())
    assert decision.reserve == WRITE.reserve


@pytest.mark.parametrize(("rule", "policy", "request_", "facts"), REFUSALS)
def test_each_refusal_is_all_that_stops_its_call(
    rule: str, policy: TenantPolicy, request_: Request, facts: Facts
) -> None:
    decision = decide(policy, request_, facts)
    assert (decision.verdict, decision.rules) == (Verdict.DENY, (rule,))
    assert [row.rule for row in explain(policy, request_, facts) if row.verdict is not Verdict.ALLOW] == [rule]


@pytest.mark.parametrize(("rule", "policy", "request_", "facts"), REFUSALS)
def test_no_approval_lifts_a_refusal(rule: str, policy: TenantPolicy, request_: Request, facts: Facts) -> None:
    assert decide(policy, replace(request_, discharged=BOTH), facts).rules == (rule,)


@pytest.mark.parametrize(
    ("policy", "request_", "rule", "trigger"),
    [
        (replace(POLICY, protected=("reports/**",)), WRITE, "protected.path", Trigger.PROTECTED_PATH),
        (POLICY, replace(WRITE, risk=Risk.HIGH), "risk.high", Trigger.RISKY_TOOL),
    ],
)
def test_a_person_is_asked_once_and_for_this_only(
    policy: TenantPolicy, request_: Request, rule: str, trigger: Trigger
) -> None:
    asked = decide(policy, request_, FACTS)
    assert (asked.verdict, asked.rules, asked.asks) == (Verdict.ASK, (rule,), (trigger,))
    passed = decide(policy, replace(request_, discharged=frozenset({trigger})), FACTS)
    assert (passed.verdict, passed.rules, passed.asks) == (Verdict.ALLOW, (rule,), ())
    other = decide(policy, replace(request_, discharged=BOTH - {trigger}), FACTS)
    assert other.verdict is Verdict.ASK


def test_all_asks_come_at_once() -> None:
    both = decide(replace(POLICY, protected=("reports/**",)), replace(WRITE, risk=Risk.HIGH), FACTS)
    assert both.asks == (Trigger.PROTECTED_PATH, Trigger.RISKY_TOOL)
    assert both.rules == ("protected.path", "risk.high")


def test_nobody_is_asked_about_what_is_denied_anyway() -> None:
    decision = decide(replace(POLICY, deny=caps("tool:fs.write")), replace(WRITE, risk=Risk.HIGH), FACTS)
    assert (decision.verdict, decision.rules) == (Verdict.DENY, ("capability.denied", "risk.high"))
    assert decision.asks == ()


@pytest.mark.parametrize(
    ("tools", "declared", "rule"),
    [
        ((("fs.*", Risk.CRITICAL),), Risk.LOW, "risk.critical"),
        ((("fs.*", Risk.LOW),), Risk.HIGH, "allow"),
        ((("fs.*", Risk.LOW), ("fs.write", Risk.HIGH)), Risk.LOW, "risk.high"),
        ((("shell.*", Risk.CRITICAL),), Risk.LOW, "allow"),
        ((("a**", Risk.CRITICAL),), Risk.LOW, "allow"),
    ],
)
def test_the_operator_says_how_risky_a_tool_is(tools: tuple[tuple[str, Risk], ...], declared: Risk, rule: str) -> None:
    policy = replace(POLICY, risk=RiskRules(tools=tools))
    assert decide(policy, replace(WRITE, risk=declared), FACTS).rules == (rule,)


def test_a_tool_without_a_proper_name_has_the_risk_it_declares() -> None:
    assert RiskRules(tools=(("**", Risk.CRITICAL),)).level("a//b", Risk.LOW) is Risk.LOW


def test_what_is_remembered_of_tools_is_bounded() -> None:
    policy = replace(POLICY, risk=RiskRules(tools=(("fs.*", Risk.CRITICAL),)))
    for number in range(MAX_KNOWN + 2):
        name = f"fs.{number}"
        assert risk_level(policy, replace(WRITE, name=name)) is Risk.CRITICAL
        assert risk_level(policy, replace(WRITE, name=name)) is Risk.CRITICAL
    assert len(policy.__dict__["_risk_levels"]) <= MAX_KNOWN


def test_what_is_said_about_tools_is_not_said_about_models() -> None:
    policy = replace(POLICY, risk=RiskRules(tools=(("*", Risk.CRITICAL),)))
    needs = caps("model:default")
    request = replace(WRITE, kind="model", name="default", risk=Risk.LOW, needs=needs.grants, asked=needs)
    assert decide(policy, request, FACTS).verdict is Verdict.ALLOW


def test_reading_a_protected_path_asks_nobody() -> None:
    policy = replace(POLICY, protected=("**",), allow=caps("tool:*", "fs.read:**"))
    request = replace(WRITE, needs=caps("tool:fs.write", "fs.read:a").grants, asked=caps("tool:*", "fs.read:**"))
    assert decide(policy, request, FACTS).verdict is Verdict.ALLOW


def test_several_needs_that_fail_alike_are_one_reason() -> None:
    request = replace(WRITE, needs=caps("tool:fs.write", "fs.write:a", "fs.write:b", "net:c.org").grants)
    decision = decide(replace(POLICY, deny=caps("fs.write:b")), request, FACTS)
    assert decision.rules == ("capability.not_asked", "capability.denied", "capability.not_granted")
    assert decision.reasons[0].message == (
        "the graph does not ask for `fs.write: [\"a\"]`: add it to the graph's and the node's `capabilities`"
    )


def test_the_rules_of_a_call_that_passes_fit_its_record() -> None:
    policy = replace(POLICY, protected=("**",), risk=RiskRules(critical="ask"))
    lean = Standing(Limits(tokens=1000), NOTHING, NOTHING)
    request = replace(WRITE, risk=Risk.CRITICAL, discharged=BOTH, reserve=Amount(tokens=1500), max_tokens=1000)
    decision = decide(policy, request, Facts("default", lean, FREE))
    assert decision.rules == ("protected.path", "risk.critical", "budget.max_tokens")
    record = {"verdict": "modify", "rules": list(decision.rules), "policy": "f" * 16, "digest": "f" * 16}
    assert len(json.dumps(record, separators=(",", ":"))) <= 200


def test_the_strictest_of_no_reasons_is_allow() -> None:
    assert strictest(()) is Verdict.ALLOW
    assert strictest(tuple(Reason("x", verdict, "") for verdict in STRICTNESS)) is Verdict.ABORT


patterns = st.sampled_from(["**", "a/**", "**/x", "a/x", "b/*", "a"])
grants = st.builds(Capability, st.sampled_from(["fs.read", "fs.write"]), patterns)
grant_lists = st.lists(grants, max_size=5)
levels = st.sampled_from(list(Risk))
tool_levels = st.lists(st.tuples(st.sampled_from(["t", "t*", "u", "*"]), levels), max_size=4)
modes = st.sampled_from(["auto", "ask", "deny"])
standings = st.builds(
    Standing,
    st.builds(Limits, tokens=st.none() | st.integers(0, 2000), tool_calls=st.none() | st.integers(0, 3)),
    st.builds(Amount, tokens=st.integers(0, 900), tool_calls=st.integers(0, 2)),
    st.builds(Amount, tokens=st.integers(0, 900), tool_calls=st.integers(0, 2)),
    st.sampled_from([(), ("tokens",)]),
)
facts_ = st.builds(Facts, st.sampled_from(["default", "other"]), standings, standings)
policies = st.builds(
    TenantPolicy,
    st.just("t"),
    namespaces=st.sampled_from([("*",), ("default",)]),
    allow=grant_lists.map(lambda found: CapabilitySet((*found, Capability("tool", "*")))),
    deny=grant_lists.map(lambda found: CapabilitySet(tuple(found[:2]))),
    protected=st.lists(patterns, max_size=2).map(tuple),
    risk=st.builds(RiskRules, modes, modes, modes, modes, tool_levels.map(tuple)),
    triggers=st.sampled_from([{}, ASKS]),
)
requests = st.builds(
    Request,
    kind=st.just("tool"),
    name=st.just("t"),
    activation=st.just("t#1"),
    node=st.just("t"),
    effect=st.just(Effect.READ),
    risk=levels,
    needs=st.lists(grants, max_size=3).map(lambda found: (Capability("tool", "t"), *found)),
    asked=grant_lists.map(lambda found: CapabilitySet((*found, Capability("tool", "*")))),
    reserve=st.builds(Amount, tokens=st.integers(0, 1500), tool_calls=st.integers(0, 1)),
    max_tokens=st.none() | st.integers(0, 1500),
    output_nano=st.integers(0, 3),
    discharged=st.sampled_from([frozenset(), BOTH]),
)


@given(policies, requests, facts_)
def test_the_order_of_rules_decides_nothing(policy: TenantPolicy, request: Request, facts: Facts) -> None:
    turned = replace(
        policy,
        allow=CapabilitySet(policy.allow.grants[::-1]),
        deny=CapabilitySet(policy.deny.grants[::-1]),
        protected=policy.protected[::-1],
        risk=replace(policy.risk, tools=policy.risk.tools[::-1]),
    )
    assert decide(turned, request, facts) == decide(policy, request, facts)


@st.composite
def stricter(draw: st.DrawFn) -> tuple[TenantPolicy, TenantPolicy]:
    """A policy, and the same with a rule more that grants nothing or a grant fewer."""
    policy = draw(policies)
    change = draw(st.sampled_from(["deny", "protected", "allow", "namespaces", "triggers", "risk"]))
    if change == "deny":
        return policy, replace(policy, deny=CapabilitySet((*policy.deny.grants, draw(grants))))
    if change == "protected":
        return policy, replace(policy, protected=(*policy.protected, draw(patterns)))
    if change == "allow":
        return policy, replace(policy, allow=CapabilitySet(policy.allow.grants[1:]))
    if change == "risk":
        return policy, replace(policy, risk=RiskRules("deny", "deny", "deny", "deny", policy.risk.tools))
    return policy, replace(policy, namespaces=()) if change == "namespaces" else replace(policy, triggers={})


@given(stricter(), requests, facts_)
def test_a_rule_that_grants_nothing_never_loosens(
    pair: tuple[TenantPolicy, TenantPolicy], request: Request, facts: Facts
) -> None:
    before, after = (STRICTNESS.index(decide(policy, request, facts).verdict) for policy in pair)
    assert after >= before


@given(policies, requests, facts_)
def test_every_call_is_decided_and_explained_alike(policy: TenantPolicy, request: Request, facts: Facts) -> None:
    decision = decide(policy, request, facts)
    rows = explain(policy, request, facts)
    assert decision.reasons
    assert [row.stage for row in rows] == sorted((row.stage for row in rows), key=STAGE_NAMES.index)
    assert max((row.verdict for row in rows), key=STRICTNESS.index) is decision.verdict
    spoken = [row.rule for row in rows if row.rule != "allow"]
    assert [rule for rule in spoken if rule in decision.rules] == [rule for rule in decision.rules if rule != "allow"]
    warned = {reason.rule for reason in decision.warnings}
    beside = {rule for rule in spoken if rule not in decision.rules}
    assert warned <= beside, "what people are warned of is shown"
    assert all(rule.startswith("ladder.") for rule in beside)
    assert len(set(decision.rules)) == len(decision.rules)
