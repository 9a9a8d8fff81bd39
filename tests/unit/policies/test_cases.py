"""Decision cases: ours hold, and the runner says what differs and what is wrong with a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policies.cases import parse_cases, run_cases
from policies.document import builtin_policy
from policies.errors import DocumentError, Problem
from policies.model import Trigger, Verdict

FILES = sorted((Path(__file__).parents[2] / "policy_cases").glob("*.yaml"))
CASE: dict[str, Any] = {
    "name": "read",
    "request": {"kind": "tool", "name": "fs.read", "needs": [{"fs.read": ["a.py"]}]},
    "want": {"verdict": "allow", "reasons": ["allow"]},
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def load(path: Path) -> object:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_gate_answers_our_cases_as_they_want(path: Path) -> None:
    results = run_cases(load(path), builtin_policy())
    assert results
    assert {result.name: result.differences for result in results if not result.passed} == {}


def test_our_cases_have_names_of_their_own() -> None:
    names = [case.name for path in FILES for case in parse_cases(load(path), builtin_policy())]
    assert len(names) == len(set(names)) > 50


def test_our_cases_reach_every_rule() -> None:
    results = [result for path in FILES for result in run_cases(load(path), builtin_policy())]
    rules = {rule for result in results for rule in result.decision.rules}
    scopes = [f"budget.{scope}.{unit}" for scope in ("execution", "lifetime") for unit in ("tokens", "cost_usd")]
    assert rules >= {
        *scopes,
        *("allow", "tenant.namespace", "protected.path", "budget.wait", "budget.max_tokens"),
        *("capability.denied", "capability.not_granted", "capability.not_asked"),
        *("risk.low", "risk.medium", "risk.high", "risk.critical"),
        *("budget.lifetime.steps", "budget.lifetime.wall_clock", "budget.lifetime.tool_calls"),
    }


def test_a_case_fills_in_what_it_leaves_out() -> None:
    (case,) = parse_cases([CASE], builtin_policy())
    assert [str(need) for need in case.request.needs] == ["tool:fs.read", "fs.read:a.py"]
    assert case.request.asked.grants == case.request.needs
    assert case.facts.lifetime.limit == case.policy.lifetime
    assert run_cases([CASE], builtin_policy())[0].passed


def test_a_case_can_say_everything() -> None:
    head = {"kind": "model", "name": "default", "node": "ask", "activation": "ask#2", "effect": "none", "risk": "high"}
    request = head | {
        "asked": [{"model": ["*"]}],
        "reserve": {"tokens": 700, "cost_usd": 0.01},
        "max_tokens": 500,
        "output_nano": 15,
        "discharged": ["on_risky_tool"],
    }
    lifetime = {
        "limit": {"tokens": 1000, "depth": None},
        "used": {"tokens": 10, "wall_clock": "1s"},
        "reserved": {"cost_usd": "0.5", "tool_calls": 1},
        "stopped": ["cost_usd"],
    }
    facts = {"namespace": "n", "lifetime": lifetime}
    (case,) = parse_cases([{**CASE, "request": request, "facts": facts}], builtin_policy())
    assert (case.request.node, case.request.activation, case.request.max_tokens) == ("ask", "ask#2", 500)
    assert case.request.reserve.cost_nano == 10_000_000
    assert case.request.discharged == {Trigger.RISKY_TOOL}
    assert (case.facts.lifetime.limit.tokens, case.facts.lifetime.limit.depth) == (1000, None)
    assert (case.facts.lifetime.used.wall_ms, case.facts.lifetime.reserved.cost_nano) == (1000, 500_000_000)
    assert case.facts.lifetime.stopped == ("cost_nano",)


def test_a_case_may_bring_its_policy_or_share_one() -> None:
    strict = builtin_policy().to_document() | {"tenants": {"team": {}}}
    alone = {**CASE, "policy": strict, "tenant": "team", "want": {"verdict": "deny"}}
    shared = {"policy": strict, "cases": [{**CASE, "tenant": "team", "want": {"verdict": "deny"}}]}
    for document in ([alone], shared):
        (result,) = run_cases(document, builtin_policy())
        assert result.decision.verdict is Verdict.DENY
        assert result.passed


def test_a_difference_is_told_in_words() -> None:
    wrong = {**CASE, "want": {"verdict": "deny", "reasons": [], "max_tokens": 5}}
    (result,) = run_cases([wrong], builtin_policy())
    assert result.differences == (
        "verdict: wanted `deny`, got `allow`",
        "reasons: wanted none, got `allow`",
        "max_tokens: wanted `5`, got null",
    )


@pytest.mark.parametrize(
    ("data", "code", "path"),
    [
        (3, "wrong_type", ""),
        ({"cases": [], "polcy": 1}, "unknown_key", "polcy"),
        ({"policy": {"policy": "a"}, "cases": []}, "missing", "policy.version"),
        ([{"name": "x"}], "missing", "[0]"),
        ([{**CASE, "wnat": 1}], "unknown_key", "[0].wnat"),
        ([{**CASE, "tenant": "nobody"}], "wrong_value", "[0].tenant"),
        ([{**CASE, "tenant": 3}], "wrong_value", "[0].tenant"),
        ([{**CASE, "policy": 3}], "wrong_type", "[0].policy"),
        ([{**CASE, "request": {"kind": "tool"}}], "missing", "[0].request.name"),
        ([{**CASE, "request": {"name": "x", "node": 3}}], "wrong_type", "[0].request.node"),
        ([{**CASE, "request": {"name": "x", "risk": "huge"}}], "wrong_value", "[0].request.risk"),
        (
            [{**CASE, "request": {"name": "x", "needs": [{"fs.raed": []}]}}],
            "unknown_key",
            "[0].request.needs[0].fs.raed",
        ),
        ([{**CASE, "request": {"name": "x", "discharged": ["on_x"]}}], "wrong_value", "[0].request.discharged[0]"),
        ([{**CASE, "request": {"name": "x", "reserve": {"tokens": -1}}}], "wrong_value", "[0].request.reserve.tokens"),
        ([{**CASE, "facts": {"execution": {"depth": 1}}}], "unknown_key", "[0].facts.execution.depth"),
        ([{**CASE, "want": {}}], "missing", "[0].want.verdict"),
        ([{**CASE, "want": {"verdict": "perhaps"}}], "wrong_value", "[0].want.verdict"),
    ],
)
def test_what_is_wrong_with_a_case_is_named_with_its_place(data: object, code: str, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        run_cases(data, builtin_policy())
    assert (code, path) in [(problem.code, problem.path) for problem in caught.value.problems]


def problems_of(data: object) -> tuple[Problem, ...] | None:
    """What is wrong with the cases; null if nothing is."""
    try:
        run_cases(data, builtin_policy())
    except DocumentError as error:
        return error.problems
    return None


@given(json_values)
def test_nothing_but_problems_comes_out_of_bad_cases(value: object) -> None:
    for data in (value, [value], {"cases": value}, [{**CASE, "request": value}], [{**CASE, "facts": value}]):
        assert problems_of(data) != ()
