"""Decision cases: ours hold, and the runner says what differs and what is wrong with a case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policies.cases import parse_cases, run_cases
from policies.document import builtin_policy
from policies.errors import DocumentError, Problem
from policies.model import Counts, Effect, Review, Risk, Trigger, Verdict

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


@dataclass(frozen=True)
class Declared:
    """What a tool says of itself."""

    kind: str
    arg: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Tool:
    """A tool as a case needs it."""

    effect: Effect = Effect.ONCE
    risk: Risk = Risk.HIGH
    needs: tuple[Declared, ...] = (Declared("fs.write", arg="path"),)


TOOLS = {"fs.write": Tool()}


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
        *("budget.lease", "budget.tenant", "budget.stop", "capability.grantable"),
        *("loop.same_call", "loop.same_result", "loop.ping_pong", "loop.total"),
        *(f"ladder.lifetime.tokens.{rung}" for rung in ("downshift", "ask")),
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


def test_a_case_may_name_a_tool_that_is_here() -> None:
    request: dict[str, object] = {"tool": "fs.write", "args": {"path": "./a.md"}}
    case = {"name": "x", "request": request, "want": {"verdict": "ask"}}
    (found,) = parse_cases([case], builtin_policy(), TOOLS)
    assert (found.request.kind, found.request.name, found.request.effect) == ("tool", "fs.write", Effect.ONCE)
    assert [str(need) for need in found.request.needs] == ["tool:fs.write", "fs.write:a.md"]
    assert (found.request.reserve.tool_calls, found.request.args_bytes) == (1, 17)
    assert run_cases([case], builtin_policy(), TOOLS)[0].passed
    free = {**case, "request": {**request, "risk": "low", "effect": "none", "reserve": {"tokens": 5}}}
    (other,) = parse_cases([free], builtin_policy(), TOOLS)
    assert (other.request.risk, other.request.effect, other.request.reserve.tokens) == (Risk.LOW, Effect.NONE, 5)


def test_a_case_can_say_all_that_a_rule_may_read() -> None:
    request = {
        "name": "t",
        "args": {"a": 1},
        "args_bytes": 9,
        "attempt": 2,
        "visit": 3,
        "graph": "g",
        "agent": "a",
        "latched": ["r"],
        "granted": [{"tool": ["u"]}],
        "downshifted": True,
    }
    facts = {
        "tenant": {"limit": {"tokens": 9}, "used": {"tokens": 1}},
        "lease": {"reserved": {"cost_usd": 1}},
        "tenant_refused": "no",
        "counts": {"elapsed_s": 1, "age_s": 2, "depth": 3, "failures": 4, "denials": 5},
        "tenant_counts": {"denials": 6},
        "seen": {"tools": ["b", "a"], "counts": {"b": 7}},
        "last": {"kind": "tool", "status": "ok"},
        "rungs": {"tenant.tokens": "ask"},
        "loop": {"calls": 2, "total": 3, "recent": ["this", "other"]},
    }
    (case,) = parse_cases([{**CASE, "request": request, "facts": facts}], builtin_policy())
    found = case.request
    assert (found.args, found.args_bytes, found.attempt, found.visit, found.graph) == ({"a": 1}, 9, 2, 3, "g")
    assert (found.agent, found.latched, found.downshifted) == ("a", frozenset({"r"}), True)
    assert found.granted is not None
    assert str(found.granted.grants[0]) == "tool:u"
    known = case.facts
    assert known.tenant is not None
    assert known.lease is not None
    assert (known.tenant.limit.tokens, known.lease.reserved.cost_nano) == (9, 10**9)
    assert (known.tenant_refused, known.lifetime_counts) == ("no", Counts(1000, 2000, 3, 4, 5))
    assert (known.tenant_counts.denials, known.seen.tools, known.seen.counts) == (6, ("a", "b"), {"b": 7})
    assert (known.last.kind, known.last.status, known.rungs) == ("tool", "ok", {"tenant.tokens": "ask"})
    assert known.loop is not None
    assert known.loop.recent == [found.fingerprint, "other"]
    assert (known.loop.calls, known.loop.results, known.loop.totals) == ({found.fingerprint: 2}, {}, {"t": 3})


def test_a_case_with_an_outcome_is_reviewed() -> None:
    (result,) = run_cases([{**CASE, "after": {"tokens_used": 5}, "want": {"verdict": "deny"}}], builtin_policy())
    assert isinstance(result.decision, Review)
    assert result.differences == ("verdict: wanted `deny`, got `allow`",)


def test_all_that_is_wanted_is_compared() -> None:
    want = {"verdict": "allow", "asks": ["on_budget"], "warnings": ["w"], "downshift": "small"}
    (result,) = run_cases([{**CASE, "want": want}], builtin_policy())
    assert result.differences == (
        "warnings: wanted `w`, got none",
        "asks: wanted `on_budget`, got none",
        "downshift: wanted `small`, got null",
    )


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
        ([{**CASE, "want": {"verdict": "ask", "asks": ["on_x"]}}], "wrong_value", "[0].want.asks[0]"),
        ([{**CASE, "request": {"tool": "fs.wrote"}}], "wrong_value", "[0].request.tool"),
        ([{**CASE, "request": {"tool": 3}}], "wrong_value", "[0].request.tool"),
        ([{**CASE, "request": {"name": "x", "args": 3}}], "wrong_type", "[0].request.args"),
        ([{**CASE, "request": {"name": "x", "args": {"n": float("nan")}}}], "wrong_value", "[0].request.args"),
        ([{**CASE, "facts": {"rungs": {"lifetime.tokens": "top"}}}], "wrong_value", "[0].facts.rungs.lifetime.tokens"),
        ([{**CASE, "facts": {"counts": {"failures": -1}}}], "wrong_value", "[0].facts.counts.failures"),
        ([{**CASE, "facts": {"seen": {"counts": {"x": "y"}}}}], "wrong_value", "[0].facts.seen.counts.x"),
        ([{**CASE, "after": {"cost_usd": "much"}}], "wrong_value", "[0].after.cost_usd"),
        ([{**CASE, "after": {"status": "odd"}}], "wrong_value", "[0].after.status"),
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
