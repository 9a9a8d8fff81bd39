"""The budget stage: what fits passes, what will fit waits, what can be cut is cut, and the rest is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.budget import NOTHING, Amount, Ledger, Limits, exceeded
from policies.decide import decide
from policies.model import Decision, Effect, Facts, Request, Risk, Standing, Verdict
from policies.spending import MIN_MAX_TOKENS
from policies.tenant import TenantPolicy
from tests.unit.policies.test_decide import caps

FREE = Standing(Limits(), NOTHING, NOTHING)
POLICY = TenantPolicy("default", allow=caps("model:*"))
CALL = Request(
    kind="model",
    name="default",
    activation="ask#1",
    node="ask",
    effect=Effect.READ,
    risk=Risk.LOW,
    needs=caps("model:default").grants,
    asked=caps("model:default"),
    reserve=Amount(tokens=5000, cost_nano=70_000),
    max_tokens=4000,
    output_nano=15,
)
"""1,000 tokens in at 10 nano-dollars each, at most 4,000 out at 15."""


def judge(lifetime: Standing, execution: Standing = FREE, call: Request = CALL) -> Decision:
    return decide(POLICY, call, Facts("default", execution, lifetime))


def tokens(limit: int, used: int = 0, reserved: int = 0) -> Standing:
    return Standing(Limits(tokens=limit), Amount(tokens=used), Amount(tokens=reserved))


def cost(limit: int, used: int = 0, reserved: int = 0) -> Standing:
    return Standing(Limits(cost_nano=limit), Amount(cost_nano=used), Amount(cost_nano=reserved))


@pytest.mark.parametrize(
    ("standing", "verdict", "rules", "max_tokens"),
    [
        (tokens(10_000, 2_000, 3_000), Verdict.ALLOW, ("allow",), 4000),
        (tokens(10_000, 2_000, 3_001), Verdict.WAIT, ("budget.wait",), 4000),
        (tokens(10_000, 5_001), Verdict.MODIFY, ("budget.max_tokens",), 3999),
        (tokens(10_000, 5_001, 1), Verdict.WAIT, ("budget.max_tokens", "budget.wait"), 3999),
        (tokens(10_000, 8_744), Verdict.MODIFY, ("budget.max_tokens",), 256),
        (tokens(10_000, 8_745), Verdict.DENY, ("budget.lifetime.tokens",), 4000),
        (tokens(10_000, 12_000), Verdict.DENY, ("budget.lifetime.tokens",), 4000),
        (tokens(0), Verdict.DENY, ("budget.lifetime.tokens",), 4000),
        (cost(70_000), Verdict.ALLOW, ("allow",), 4000),
        (cost(70_000, reserved=1), Verdict.WAIT, ("budget.wait",), 4000),
        (cost(69_999), Verdict.MODIFY, ("budget.max_tokens",), 3999),
        (cost(69_984), Verdict.MODIFY, ("budget.max_tokens",), 3998),
        (cost(13_840), Verdict.MODIFY, ("budget.max_tokens",), 256),
        (cost(13_839), Verdict.DENY, ("budget.lifetime.cost_usd",), 4000),
    ],
)
def test_a_model_call_is_fitted_into_what_is_left(
    standing: Standing, verdict: Verdict, rules: tuple[str, ...], max_tokens: int
) -> None:
    decision = judge(standing)
    assert (decision.verdict, decision.rules, decision.max_tokens) == (verdict, rules, max_tokens)


def test_a_call_that_was_cut_reserves_what_it_can_still_use() -> None:
    assert judge(tokens(4_000)).reserve == Amount(tokens=4_000, cost_nano=55_000)
    assert judge(cost(40_000)).reserve == Amount(tokens=3_000, cost_nano=40_000)


def test_the_tighter_scope_and_unit_decide_the_cut() -> None:
    decision = judge(tokens(4_500), execution=cost(40_000))
    assert (decision.max_tokens, decision.rules) == (2_000, ("budget.max_tokens",))


def test_a_cut_in_one_scope_may_end_the_wait_in_another() -> None:
    assert judge(tokens(10_000, 1_000, 4_500)).verdict is Verdict.WAIT
    assert judge(tokens(10_000, 1_000, 4_500), execution=tokens(4_000)).verdict is Verdict.MODIFY


@pytest.mark.parametrize(
    "call",
    [
        replace(CALL, max_tokens=None),
        replace(CALL, max_tokens=200),
        replace(CALL, reserve=Amount(tokens=5000, cost_nano=70_000), output_nano=0),
    ],
)
def test_what_cannot_be_cut_is_refused(call: Request) -> None:
    assert judge(cost(69_999), call=call).rules == ("budget.lifetime.cost_usd",)


def test_a_reserve_that_does_not_add_up_never_goes_below_nothing() -> None:
    odd = replace(CALL, reserve=Amount(tokens=5000, cost_nano=10), max_tokens=4000, output_nano=15)
    assert judge(tokens(4_000), call=odd).reserve == Amount(tokens=4_000)


@pytest.mark.parametrize(
    ("standing", "rule"),
    [
        (Standing(Limits(steps=5), Amount(steps=6), NOTHING), "steps"),
        (Standing(Limits(wall_ms=500), Amount(wall_ms=500), NOTHING), "wall_clock"),
        (Standing(Limits(), NOTHING, NOTHING, ("tokens",)), "tokens"),
        (Standing(Limits(), NOTHING, NOTHING, ("cost_nano",)), "cost_usd"),
    ],
)
@pytest.mark.parametrize("scope", ["execution", "lifetime"])
def test_a_scope_that_is_used_up_starts_nothing(scope: str, standing: Standing, rule: str) -> None:
    facts = Facts("default", standing, FREE) if scope == "execution" else Facts("default", FREE, standing)
    decision = decide(POLICY, CALL, facts)
    assert (decision.verdict, decision.rules) == (Verdict.DENY, (f"budget.{scope}.{rule}",))


@pytest.mark.parametrize(
    "standing",
    [
        Standing(Limits(steps=5), Amount(steps=5), NOTHING),
        Standing(Limits(wall_ms=500), Amount(wall_ms=499), NOTHING),
    ],
)
def test_the_last_step_and_the_last_moment_count(standing: Standing) -> None:
    assert judge(standing).verdict is Verdict.ALLOW


def test_a_tool_waits_for_calls_that_may_be_given_back() -> None:
    tool = replace(CALL, reserve=Amount(tool_calls=1), max_tokens=None, output_nano=0)
    limit = Limits(tool_calls=2)
    assert judge(Standing(limit, Amount(tool_calls=1), NOTHING), call=tool).verdict is Verdict.ALLOW
    waits = judge(Standing(limit, Amount(tool_calls=1), Amount(tool_calls=1)), call=tool)
    assert (waits.verdict, waits.rules) == (Verdict.WAIT, ("budget.wait",))
    assert judge(Standing(limit, Amount(tool_calls=2), NOTHING), call=tool).verdict is Verdict.DENY


@pytest.mark.parametrize(
    ("standing", "message", "unit"),
    [
        (
            cost(13_839),
            "0 of 0.000013839 cost_usd of this lifetime are used and the call may use 0.00007 more",
            "cost_usd",
        ),
        (
            Standing(Limits(wall_ms=1500), Amount(wall_ms=2000), NOTHING),
            "2s of 1500ms wall_clock of this lifetime are used",
            "wall_clock",
        ),
    ],
)
def test_a_refusal_says_what_is_left_and_whose_budget_it_is(standing: Standing, message: str, unit: str) -> None:
    whose = f"the operator's policy gives no more (`budgets.lifetime.{unit}`)"
    assert judge(standing).reasons[0].message == f"{message}: {whose}"


amounts = st.builds(Amount, tokens=st.integers(0, 6000), cost_nano=st.integers(0, 90_000), tool_calls=st.integers(0, 2))
limits = st.builds(
    Limits,
    tokens=st.none() | st.integers(0, 12_000),
    cost_nano=st.none() | st.integers(0, 180_000),
    tool_calls=st.none() | st.integers(0, 4),
)
calls = st.builds(
    lambda reserve, max_tokens, nano: replace(CALL, reserve=reserve, max_tokens=max_tokens, output_nano=nano),
    amounts,
    st.none() | st.integers(0, 6000),
    st.integers(0, 20),
)


@given(limits, limits, st.lists(amounts, max_size=3), calls)
def test_what_the_gate_lets_pass_the_ledgers_take(
    limit: Limits, other: Limits, held: list[Amount], call: Request
) -> None:
    execution, lifetime = Ledger(limit), Ledger(other)
    for number, amount in enumerate(held):
        if not exceeded(lifetime.standing(), amount):
            lifetime.reserve(str(number), amount)
    decision = decide(POLICY, call, Facts("default", execution.standing(), lifetime.standing()))
    if decision.verdict in {Verdict.ALLOW, Verdict.MODIFY}:
        execution.reserve("call", decision.reserve)
        lifetime.reserve("call", decision.reserve)
    if decision.verdict is Verdict.MODIFY:
        assert decision.max_tokens is not None
        assert MIN_MAX_TOKENS <= decision.max_tokens < (call.max_tokens or 0)


@given(limits, st.lists(amounts, min_size=1, max_size=4), calls)
def test_a_call_that_waits_goes_on_or_is_refused_once_nothing_is_in_flight(
    limit: Limits, held: list[Amount], call: Request
) -> None:
    ledger = Ledger(limit)
    for number, amount in enumerate(held):
        if not exceeded(ledger.standing(), amount):
            ledger.reserve(str(number), amount)
    if decide(POLICY, call, Facts("default", FREE, ledger.standing())).verdict is Verdict.WAIT:
        assert ledger.reserved != NOTHING
        idle = replace(ledger.standing(), reserved=NOTHING)
        assert decide(POLICY, call, Facts("default", FREE, idle)).verdict in {Verdict.ALLOW, Verdict.MODIFY}
