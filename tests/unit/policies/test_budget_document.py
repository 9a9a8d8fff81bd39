"""Budgets, windows, the ladder and the loop guard are read exactly; what is left out keeps its default."""

from __future__ import annotations

import pytest

from policies.budget import Limits
from policies.document import parse_policy
from policies.ladder import Ladder
from policies.loop_guard import LoopRules
from policies.tenant import TenantPolicy
from policies.windows import TENANT, Window
from tests.unit.policies.documents import budgets, problems_of, small

DAY = TENANT[0].limits
USD = 10**9


def tenant(**parts: object) -> TenantPolicy:
    return parse_policy(budgets(**parts)).tenants["default"]


def loop(rules: object) -> LoopRules | None:
    return parse_policy(small(tenants={"default": {"loop_guard": rules}})).tenants["default"].loop


@pytest.mark.parametrize(
    ("written", "windows"),
    [
        (None, ()),
        ({}, TENANT),
        ({"per": "day"}, TENANT),
        ({"tokens": None, "cost_usd": None, "steps": None}, ()),
        ({"tokens": 5, "cost_usd": None, "steps": None}, (Window(Limits(tokens=5)),)),
        ({"tool_calls": 7}, (Window(Limits(1_000_000, 100 * USD, 1_000, tool_calls=7)),)),
        (
            {"tokens": 5, "per": "hour"},
            (Window(Limits(tokens=5), "hour"), Window(Limits(cost_nano=100 * USD, steps=1_000), "day")),
        ),
        (
            [{"cost_usd": 9, "per": "month"}, {"tokens": 5, "steps": None, "per": "minute"}],
            (Window(Limits(tokens=5), "minute"), Window(Limits(cost_nano=9 * USD), "month")),
        ),
    ],
)
def test_a_unit_that_no_window_speaks_of_keeps_its_limit_by_the_day(written: object, windows: object) -> None:
    assert tenant(tenant=written).windows == windows


@pytest.mark.parametrize(
    ("written", "path", "code"),
    [
        (5, "", "wrong_type"),
        ([], "", "wrong_value"),
        ([5], "[0]", "wrong_type"),
        ({"tokens": -1}, ".tokens", "wrong_value"),
        ({"per": "week"}, ".per", "wrong_value"),
        ({"wall_clock": "1h"}, ".wall_clock", "unknown_key"),
        ({"depth": 3}, ".depth", "unknown_key"),
        ([{"tokens": 1}, {"steps": 1, "per": "day"}], "[1].per", "duplicate"),
    ],
)
def test_a_window_that_cannot_be_is_refused(written: object, path: str, code: str) -> None:
    assert problems_of(budgets(tenant=written)) == [(code, f"tenants.default.budgets.tenant{path}")]


@pytest.mark.parametrize(
    ("written", "ladder"),
    [
        ({}, Ladder(500, 750, 900, 1000)),
        ({"warn": 0.05, "stop": 0.95}, Ladder(50, 750, 900, 950)),
        ({"downshift": None, "ask": None}, Ladder(500, None, None, 1000)),
        ({"stop": 1}, Ladder()),
        ({"warn": 0.001, "downshift": 0.002, "ask": 0.003, "stop": 0.004}, Ladder(1, 2, 3, 4)),
        (None, Ladder(None, None, None, None)),
    ],
)
def test_a_rung_is_a_fraction_and_null_is_off(written: object, ladder: Ladder) -> None:
    assert tenant(ladder=written).ladder == ladder


@pytest.mark.parametrize(
    ("written", "path", "code"),
    [
        ([], "", "wrong_type"),
        ({"warm": 0.5}, ".warm", "unknown_key"),
        ({"warn": 0}, ".warn", "wrong_value"),
        ({"stop": 1.1}, ".stop", "wrong_value"),
        ({"warn": 0.0005}, ".warn", "wrong_value"),
        ({"warn": "0.5"}, ".warn", "wrong_value"),
        ({"warn": True}, ".warn", "wrong_value"),
        ({"warn": float("nan")}, ".warn", "wrong_value"),
        ({"stop": float("inf")}, ".stop", "wrong_value"),
        ({"warn": 0.8}, "", "wrong_value"),
        ({"ask": 1.0}, "", "wrong_value"),
        ({"downshift": None, "warn": 0.95}, "", "wrong_value"),
    ],
)
def test_a_ladder_goes_up(written: object, path: str, code: str) -> None:
    assert problems_of(budgets(ladder=written)) == [(code, f"tenants.default.budgets.ladder{path}")]


def test_a_downshift_is_the_next_smaller_model() -> None:
    assert tenant(downshift={"large": "default", "default": "small"}).downshift == {
        "default": "small",
        "large": "default",
    }


@pytest.mark.parametrize(
    ("written", "path", "code"),
    [
        ({"large": "large"}, ".large", "wrong_value"),
        ({"large": None}, ".large", "wrong_type"),
        ({"large": ""}, ".large", "wrong_type"),
        ({"": "small"}, "", "wrong_type"),
        ({f"m{number}": "small" for number in range(65)}, "", "too_many"),
    ],
)
def test_a_downshift_leads_down(written: object, path: str, code: str) -> None:
    ((found, place),) = problems_of(budgets(downshift=written))
    assert (found, place.rstrip(".")) == (code, f"tenants.default.budgets.downshift{path}")


def test_no_downshift_leads_in_a_circle() -> None:
    place = "tenants.default.budgets.downshift"
    circle = {"a": "b", "b": "c", "c": "a", "d": "a"}
    assert problems_of(budgets(downshift=circle)) == [("wrong_value", f"{place}.{alias}") for alias in "abc"]


def test_what_may_be_raised_is_told_by_unit() -> None:
    written = {"cost_usd": 20, "tokens": 0, "wall_clock": "5m"}
    assert tenant(max_raise=written).max_raise == {"cost_nano": 20 * USD, "wall_ms": 300_000}
    assert problems_of(budgets(max_raise={"cost_usd": None})) == [
        ("wrong_value", "tenants.default.budgets.max_raise.cost_usd")
    ]
    assert problems_of(budgets(max_raise={"depth": 2})) == [("unknown_key", "tenants.default.budgets.max_raise.depth")]


@pytest.mark.parametrize(
    ("written", "rules"),
    [
        ({}, LoopRules()),
        (None, None),
        ({"same_call": None, "total": None}, LoopRules(same_call_warn=None, same_call_block=None, total=None)),
        ({"same_call": {"warn": None, "block": 1}}, LoopRules(same_call_warn=None, same_call_block=1)),
        ({"same_result": {"block": 9}, "ping_pong": 4}, LoopRules(same_result_block=9, ping_pong=4)),
        ({"polling_factor": 7}, LoopRules(polling_factor=7)),
        ({"polling_factor": None}, LoopRules(polling_factor=1)),
    ],
)
def test_a_threshold_is_a_number_of_calls_and_null_is_off(written: object, rules: LoopRules | None) -> None:
    assert loop(written) == rules


@pytest.mark.parametrize(
    ("written", "path", "code"),
    [
        (False, "", "wrong_type"),
        ({"same_cal": {}}, ".same_cal", "unknown_key"),
        ({"same_call": 3}, ".same_call", "wrong_type"),
        ({"same_call": {"warm": 3}}, ".same_call.warm", "unknown_key"),
        ({"same_call": {"warn": 0}}, ".same_call.warn", "wrong_value"),
        ({"same_call": {"warn": 5}}, ".same_call", "wrong_value"),
        ({"same_result": {"block": 2}}, ".same_result", "wrong_value"),
        ({"total": "many"}, ".total", "wrong_value"),
        ({"polling_factor": 0}, ".polling_factor", "wrong_value"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused(written: object, path: str, code: str) -> None:
    document = small(tenants={"default": {"loop_guard": written}})
    assert problems_of(document) == [(code, f"tenants.default.loop_guard{path}")]
