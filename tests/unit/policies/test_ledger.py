"""A ledger never lets more be used than its limits, except what a call takes past its reservation."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.budget import NOTHING, RESERVED, UNITS, Amount, Ledger, LedgerError, Limits, exceeded

amounts = st.builds(Amount, tokens=st.integers(0, 60), cost_nano=st.integers(0, 60), tool_calls=st.integers(0, 2))
limits = st.builds(
    Limits,
    tokens=st.none() | st.integers(0, 100),
    cost_nano=st.none() | st.integers(0, 100),
    steps=st.none() | st.integers(0, 5),
    wall_ms=st.none() | st.integers(0, 50),
    tool_calls=st.none() | st.integers(0, 5),
)
moves = st.lists(st.tuples(st.sampled_from(["reserve", "settle", "release", "charge"]), amounts), max_size=30)


def total(ledger: Ledger, unit: str) -> int:
    return int(getattr(ledger.used, unit)) + int(getattr(ledger.reserved, unit))


def play(ledger: Ledger, open_calls: list[str], number: int, move: str, amount: Amount) -> bool:
    """Do what the engine does; true if a call went past its reservation."""
    if move == "reserve" and not exceeded(ledger.standing(), amount):
        open_calls.append(str(number))
        ledger.reserve(str(number), amount)
    elif move == "settle" and open_calls:
        return ledger.settle(open_calls.pop(0), amount)
    elif move == "release" and open_calls:
        ledger.release(open_calls.pop())
    elif move == "charge":
        ledger.charge(Amount(steps=1, wall_ms=7))
    return False


@given(limits, moves)
def test_use_and_reservations_stay_within_the_limits(limit: Limits, played: list[tuple[str, Amount]]) -> None:
    ledger, calls = Ledger(limit), list[str]()
    for number, (move, amount) in enumerate(played):
        if play(ledger, calls, number, move, amount):
            assert ledger.stopped
            assert exceeded(ledger.standing(), NOTHING)
            return
        for unit in RESERVED:
            most = getattr(limit, unit)
            assert most is None or total(ledger, unit) <= most


@given(limits, moves)
def test_a_snapshot_reads_back_at_every_step(limit: Limits, played: list[tuple[str, Amount]]) -> None:
    ledger, calls = Ledger(limit), list[str]()
    for number, (move, amount) in enumerate(played):
        play(ledger, calls, number, move, amount)
        again = Ledger.restore(json.loads(json.dumps(ledger.snapshot())))
        assert again.standing() == ledger.standing()
        assert again.snapshot() == ledger.snapshot()
        ledger = again


def test_what_is_settled_frees_what_was_not_used() -> None:
    ledger = Ledger(Limits(tokens=100))
    ledger.reserve("a", Amount(tokens=80))
    assert exceeded(ledger.standing(), Amount(tokens=30)) == ("tokens",)
    assert ledger.settle("a", Amount(tokens=50)) is False
    assert (ledger.used.tokens, ledger.reserved.tokens) == (50, 0)
    assert exceeded(ledger.standing(), Amount(tokens=30)) == ()


def test_an_overrun_is_settled_in_full_and_stops_the_scope() -> None:
    ledger = Ledger(Limits(tokens=100, cost_nano=100))
    ledger.reserve("a", Amount(tokens=10, cost_nano=5))
    ledger.reserve("b", Amount(tokens=10))
    assert ledger.settle("a", Amount(tokens=11, cost_nano=5)) is True
    assert ledger.used == Amount(tokens=11, cost_nano=5)
    assert list(ledger.stopped) == ["tokens"]
    with pytest.raises(LedgerError, match="tokens"):
        ledger.reserve("c", NOTHING)
    assert ledger.settle("b", Amount(cost_nano=1)) is True
    assert list(ledger.stopped) == ["tokens", "cost_nano"]


def test_what_was_used_above_the_reservations_adds_up_by_unit() -> None:
    ledger = Ledger(Limits())
    for call, held in (("a", Amount(tokens=10, cost_nano=5)), ("b", Amount(tokens=10)), ("c", Amount(tokens=10))):
        ledger.reserve(call, held)
    assert ledger.settle("a", Amount(tokens=13, cost_nano=4))
    assert ledger.settle("b", Amount(tokens=11, cost_nano=2, wall_ms=9))
    assert not ledger.settle("c", Amount(tokens=9))
    assert ledger.overrun == Amount(tokens=4, cost_nano=2)
    again = Ledger.restore(json.loads(json.dumps(ledger.snapshot())))
    assert again.overrun == ledger.overrun
    before = {key: value for key, value in ledger.snapshot().items() if key != "overrun"}
    assert Ledger.restore(before).overrun == NOTHING


def test_what_was_used_as_reserved_is_no_overrun() -> None:
    ledger = Ledger(Limits())
    ledger.reserve("a", Amount(tokens=10))
    assert not ledger.settle("a", Amount(tokens=10))
    assert (ledger.overrun, ledger.stopped) == (NOTHING, ())


def test_time_is_not_an_overrun() -> None:
    ledger = Ledger(Limits(wall_ms=100))
    ledger.reserve("a", NOTHING)
    assert ledger.settle("a", Amount(wall_ms=20, steps=1)) is False


def test_the_ledger_refuses_what_the_gate_would_not_have_allowed() -> None:
    ledger = Ledger(Limits(tokens=100))
    ledger.reserve("a", Amount(tokens=60))
    with pytest.raises(LedgerError, match="`a` has a reservation already"):
        ledger.reserve("a", NOTHING)
    with pytest.raises(LedgerError, match="does not fit the budget of tokens"):
        ledger.reserve("b", Amount(tokens=60))
    with pytest.raises(LedgerError, match="`b` has no reservation"):
        ledger.settle("b", NOTHING)
    with pytest.raises(LedgerError, match="`b` has no reservation"):
        ledger.release("b")


@given(amounts, amounts)
def test_amounts_add_and_subtract_unit_by_unit(one: Amount, other: Amount) -> None:
    assert one + other - other == one
    assert all(getattr(one + other, unit) == getattr(one, unit) + getattr(other, unit) for unit in UNITS)


@given(limits, limits)
def test_the_tightest_of_two_limits_is_the_smaller_of_each(one: Limits, other: Limits) -> None:
    tight = one.tightest(other)
    for unit in (*UNITS, "depth"):
        both = [limit for limit in (getattr(one, unit), getattr(other, unit)) if limit is not None]
        assert getattr(tight, unit) == (min(both) if both else None)
