"""The ladder, the tenant's budget and the lease: what happens as a scope fills up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.budget import NOTHING, Amount, Ledger, Limits, exceeded
from policies.decide import decide
from policies.explain import explain
from policies.ladder import Ladder
from policies.model import Decision, Facts, Request, Standing, Trigger, Verdict
from policies.tenant import TenantPolicy
from policies.triggers import TriggerRule
from tests.unit.policies.test_decide import caps
from tests.unit.policies.test_spending import CALL, FREE, POLICY, tokens

ASKING = replace(POLICY, triggers={Trigger.BUDGET: TriggerRule()})
SMALLER = replace(ASKING, downshift={"default": "small"})
ASKED = replace(CALL, asked=caps("model:*"))
TOOL = replace(
    CALL, kind="tool", name="t", needs=caps("tool:t").grants, asked=caps("tool:t"), reserve=Amount(tool_calls=1)
)
TOOLS = replace(SMALLER, allow=caps("tool:*", "model:*"))
AT_WARN, AT_SHIFT, AT_ASK, FULL = (tokens(20_000, used) for used in (5_000, 10_000, 13_000, 15_001))


def judge(policy: TenantPolicy, lifetime: Standing = FREE, call: Request = ASKED, **facts: Any) -> Decision:
    return decide(policy, call, Facts("default", FREE, lifetime, **facts))


def warned(decision: Decision) -> tuple[str, ...]:
    return tuple(reason.rule for reason in decision.warnings)


def test_below_every_rung_nothing_is_said() -> None:
    decision = judge(SMALLER, tokens(20_000, 4_999))
    assert (decision.verdict, decision.warnings, decision.rungs) == (Verdict.ALLOW, (), ())


def test_half_of_a_budget_is_warned_about_once() -> None:
    decision = judge(SMALLER, AT_WARN)
    assert (decision.verdict, decision.rules) == (Verdict.ALLOW, ("allow",))
    assert warned(decision) == ("ladder.lifetime.tokens.warn",)
    assert decision.rungs == (("lifetime.tokens", "warn"),)
    assert decision.warnings[0].message == "10000 of 20000 tokens of this run are used or reserved"
    again = judge(SMALLER, AT_WARN, rungs={"lifetime.tokens": "warn"})
    assert (again.warnings, again.rungs) == ((), ())


def test_what_is_reserved_counts() -> None:
    assert judge(SMALLER, tokens(20_000, 0, 5_000)).rungs == (("lifetime.tokens", "warn"),)


def test_every_unit_has_its_own_rungs() -> None:
    limit = Limits(tokens=20_000, cost_nano=200_000, wall_ms=1_000, steps=0)
    lifetime = Standing(limit, Amount(tokens=5_000, cost_nano=30_000, wall_ms=500), NOTHING)
    expected = (("lifetime.tokens", "warn"), ("lifetime.cost_usd", "warn"), ("lifetime.wall_clock", "warn"))
    assert judge(POLICY, lifetime).rungs == expected
    assert judge(POLICY, lifetime, rungs={"lifetime.tokens": "ask"}).rungs == expected[1:]


def test_the_execution_has_no_ladder() -> None:
    assert decide(SMALLER, ASKED, Facts("default", tokens(5_000), FREE)).rungs == ()


def test_three_quarters_move_calls_to_a_cheaper_model() -> None:
    decision = judge(SMALLER, AT_SHIFT, rungs={"lifetime.tokens": "warn"})
    assert (decision.verdict, decision.rules) == (Verdict.MODIFY, ("ladder.lifetime.tokens.downshift",))
    assert (decision.downshift, decision.rungs) == ("small", (("lifetime.tokens", "downshift"),))
    moved = replace(ASKED, name="small", needs=caps("model:small").grants, downshifted=True)
    then = judge(SMALLER, AT_SHIFT, moved, rungs={"lifetime.tokens": "downshift"})
    assert (then.verdict, then.downshift, then.rungs) == (Verdict.ALLOW, None, ())


@pytest.mark.parametrize("acted", ["downshift", "ask"])
def test_once_moved_every_later_call_is(acted: str) -> None:
    for standing in (FREE, FULL, tokens(10)):
        decision = judge(SMALLER, standing, rungs={"lifetime.tokens": acted})
        assert (decision.verdict, decision.downshift) == (Verdict.MODIFY, "small")
        assert decision.rules == ("ladder.lifetime.tokens.downshift",)
    assert judge(SMALLER, rungs={"lifetime.tokens": "warn"}).downshift is None


@pytest.mark.parametrize(
    ("policy", "call"),
    [
        (SMALLER, CALL),
        (replace(SMALLER, allow=caps("model:default")), ASKED),
        (replace(SMALLER, deny=caps("model:small")), ASKED),
        (replace(SMALLER, downshift={"large": "small"}), ASKED),
        (replace(SMALLER, ladder=Ladder(downshift=None)), ASKED),
        (SMALLER, replace(ASKED, downshifted=True)),
        (TOOLS, TOOL),
    ],
)
def test_what_cannot_be_moved_stays(policy: TenantPolicy, call: Request) -> None:
    for rungs in ({}, {"lifetime.tokens": "downshift"}):
        decision = judge(policy, AT_SHIFT, call, rungs=rungs)
        assert (decision.downshift, decision.verdict) == (None, Verdict.ALLOW)


def test_an_approval_of_one_model_moves_no_call_to_another() -> None:
    policy = replace(SMALLER, triggers={**SMALLER.triggers, Trigger.CAPABILITY: TriggerRule()})
    call = replace(CALL, asked=caps(), discharged=frozenset({Trigger.CAPABILITY}))
    assert judge(policy, AT_SHIFT, call).downshift is None
    granted = replace(call, granted=caps("model:small"))
    assert judge(policy, AT_SHIFT, granted).downshift == "small"


def test_a_tool_call_that_reaches_the_rung_moves_later_calls() -> None:
    decision = judge(TOOLS, Standing(Limits(tool_calls=4), Amount(tool_calls=2), NOTHING), TOOL)
    assert (decision.verdict, decision.rungs) == (Verdict.ALLOW, (("lifetime.tool_calls", "downshift"),))
    assert warned(decision) == ("ladder.lifetime.tool_calls.downshift",)


def test_nine_tenths_ask() -> None:
    decision = judge(SMALLER, AT_ASK, replace(ASKED, downshifted=True), rungs={"lifetime.tokens": "downshift"})
    assert (decision.verdict, decision.rules) == (Verdict.ASK, ("ladder.lifetime.tokens.ask",))
    assert (decision.asks, decision.rungs) == ((Trigger.BUDGET,), (("lifetime.tokens", "ask"),))
    passed = judge(ASKING, AT_ASK, rungs={"lifetime.tokens": "ask"})
    assert (passed.verdict, passed.rungs) == (Verdict.ALLOW, ())
    approved = judge(ASKING, AT_ASK, replace(ASKED, discharged=frozenset({Trigger.BUDGET})))
    assert (approved.verdict, approved.rules) == (Verdict.ALLOW, ("ladder.lifetime.tokens.ask",))


def test_where_nobody_can_be_asked_that_rung_is_off() -> None:
    decision = judge(POLICY, AT_ASK)
    assert (decision.verdict, decision.rungs) == (Verdict.ALLOW, (("lifetime.tokens", "warn"),))


def test_only_the_highest_new_rung_acts() -> None:
    decision = judge(SMALLER, AT_ASK)
    assert (decision.rungs, decision.warnings, decision.downshift) == ((("lifetime.tokens", "ask"),), (), None)


def test_a_rung_that_is_off_does_not_act() -> None:
    off = replace(SMALLER, ladder=Ladder(None, None, None, None))
    assert (judge(off, AT_ASK).rungs, judge(off, AT_ASK).warnings) == ((), ())
    assert judge(off, FULL, replace(ASKED, max_tokens=None)).rules == ("budget.lifetime.tokens",)
    assert judge(replace(SMALLER, ladder=Ladder(warn=None)), AT_WARN).rungs == ()


def test_what_is_refused_or_waits_reaches_no_rung() -> None:
    for policy, lifetime in ((replace(ASKING, deny=caps("model:*")), AT_ASK), (ASKING, tokens(20_000, 5_000, 12_000))):
        decision = judge(policy, lifetime)
        assert decision.verdict in {Verdict.DENY, Verdict.WAIT}
        assert (decision.rungs, decision.warnings) == ((), ())


def test_what_cannot_fit_is_cut_before_anybody_is_asked() -> None:
    decision = judge(ASKING, FULL)
    assert decision.rules == ("budget.max_tokens", "ladder.lifetime.tokens.ask")
    assert (decision.verdict, decision.max_tokens) == (Verdict.ASK, 3999)


STOPS = replace(POLICY, ladder=Ladder(stop=800))


@pytest.mark.parametrize(
    ("standing", "verdict", "rules"),
    [
        (tokens(20_000, 11_000), Verdict.ALLOW, ("allow",)),
        (tokens(20_000, 11_001), Verdict.MODIFY, ("budget.max_tokens",)),
        (tokens(20_000, 10_000, 1_001), Verdict.WAIT, ("budget.wait",)),
        (tokens(20_000, 14_745), Verdict.DENY, ("budget.stop",)),
        (tokens(20_000, 18_745), Verdict.DENY, ("budget.lifetime.tokens",)),
    ],
)
def test_a_ladder_may_stop_below_the_limit(standing: Standing, verdict: Verdict, rules: tuple[str, ...]) -> None:
    decision = judge(STOPS, standing)
    assert (decision.verdict, decision.rules) == (verdict, rules)
    assert [row.rule for row in explain(STOPS, ASKED, Facts("default", FREE, standing)) if row.rule in rules] != []


def test_a_stop_says_where_it_stands() -> None:
    message = judge(STOPS, tokens(20_000, 14_745)).reasons[0].message
    assert message == (
        "14745 of 16000 tokens of this lifetime are used and the call may use 5000 more: the ladder stops there "
        "(`budgets.ladder.stop`)"
    )


def test_the_tenant_has_a_ladder_too() -> None:
    assert judge(SMALLER, tenant=AT_WARN).rungs == (("tenant.tokens", "warn"),)
    assert judge(SMALLER, tenant=AT_SHIFT).downshift == "small"
    assert judge(ASKING, tenant=AT_ASK).rules == ("ladder.tenant.tokens.ask",)
    assert judge(ASKING, tenant=FULL, rungs={"tenant.tokens": "ask"}).verdict is Verdict.ALLOW


@pytest.mark.parametrize("tenant", [tokens(20_000, 14_745), tokens(20_000, 1, 14_744)])
def test_the_stop_of_the_tenant_waits_for_nobody(tenant: Standing) -> None:
    assert judge(STOPS, tenant=tenant).rules == ("budget.stop",)


def test_a_call_waits_for_its_share_of_the_tenants_budget() -> None:
    lease = Standing(Limits(tokens=6_000, cost_nano=70_000), Amount(tokens=500), Amount(tokens=1_000))
    decision = judge(ASKING, lease=lease)
    assert (decision.verdict, decision.rules) == (Verdict.WAIT, ("budget.lease",))
    assert decision.lack == Amount(tokens=500)
    enough = judge(ASKING, lease=replace(lease, used=NOTHING))
    assert (enough.verdict, enough.lack) == (Verdict.ALLOW, None)
    assert judge(ASKING, lease=replace(lease, used=NOTHING, stopped=("tokens",))).verdict is Verdict.ALLOW


def test_a_call_that_was_cut_needs_a_smaller_share() -> None:
    decision = judge(POLICY, tokens(4_000), lease=tokens(3_000))
    assert (decision.rules, decision.lack) == (("budget.max_tokens", "budget.lease"), Amount(tokens=1_000))


def test_once_the_ledger_has_said_no_the_lease_is_all_there_is() -> None:
    said = "the tenant has no more today"
    empty = judge(POLICY, lease=tokens(1_000), tenant_refused=said)
    assert (empty.verdict, empty.rules, empty.reasons[0].message) == (Verdict.DENY, ("budget.tenant",), said)
    assert judge(POLICY, tenant_refused=said).rules == ("budget.tenant",)
    assert judge(POLICY, lease=tokens(5_000), tenant_refused=said).verdict is Verdict.ALLOW
    cut = judge(POLICY, lease=tokens(4_000), tenant_refused=said)
    assert (cut.rules, cut.max_tokens, cut.lack) == (("budget.max_tokens",), 3_000, None)
    assert judge(POLICY, lease=tokens(6_000, 0, 5_000), tenant_refused=said).rules == ("budget.wait",)


def test_no_tenant_budget_costs_nothing() -> None:
    assert judge(POLICY).rules == ("allow",)


amounts = st.builds(Amount, tokens=st.integers(0, 6000), cost_nano=st.integers(0, 90_000), tool_calls=st.integers(0, 2))
limits = st.builds(
    Limits,
    tokens=st.none() | st.integers(0, 12_000),
    cost_nano=st.none() | st.integers(0, 180_000),
    tool_calls=st.none() | st.integers(0, 4),
)
thresholds = st.none() | st.integers(0, 1000)
ladders = st.builds(Ladder, thresholds, thresholds, thresholds, thresholds)


@given(limits, limits, limits, st.lists(amounts, max_size=3), amounts, ladders)
def test_used_and_reserved_are_never_over_a_limit(
    limit: Limits, other: Limits, share: Limits, held: list[Amount], reserve: Amount, ladder: Ladder
) -> None:
    policy = replace(ASKING, ladder=ladder)
    ledgers = Ledger(limit), Ledger(other), Ledger(share)
    for number, amount in enumerate([*held, reserve]):
        call = replace(ASKED, reserve=amount)
        execution, lifetime, lease = (ledger.standing() for ledger in ledgers)
        decision = decide(policy, call, Facts("default", execution, lifetime, lease=lease))
        if decision.verdict in {Verdict.ALLOW, Verdict.MODIFY}:
            for ledger in ledgers:
                ledger.reserve(str(number), decision.reserve)
        for ledger in ledgers:
            assert exceeded(ledger.standing(), NOTHING) == ()


@given(limits, amounts, amounts, ladders, st.sampled_from(["warn", "downshift", "ask", "stop", None]))
def test_a_rung_acts_once(limit: Limits, used: Amount, reserve: Amount, ladder: Ladder, acted: str | None) -> None:
    standing, call = Standing(limit, used, NOTHING), replace(ASKED, reserve=reserve, downshifted=True)
    policy = replace(SMALLER, ladder=ladder)
    rungs = {} if acted is None else {"lifetime.tokens": acted}
    first = judge(policy, standing, call, rungs=rungs)
    then = judge(policy, standing, call, rungs=rungs | dict(first.rungs))
    assert then.rungs == ()
    assert all(trigger is not Trigger.BUDGET for trigger in then.asks)
