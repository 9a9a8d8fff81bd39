"""A candidate is compared with what was decided: milder verdicts, fewer questions and easier answers are looser."""

from __future__ import annotations

from typing import Any

import pytest

from cli.recording import Decided, Reviewed, Tape
from cli.rejudging import Rejudged, _limit, facts_under, rejudge
from policies.budget import NOTHING, Amount, Limits
from policies.capability import Capability, CapabilitySet
from policies.decide import decide, review
from policies.document import parse_policy
from policies.model import Effect, Facts, Outcome, Request, Risk, Standing
from policies.tenant import TenantPolicy

NEED = Capability("tool", "pay")


def policy(document: dict[str, Any] | None = None, **tenant: Any) -> TenantPolicy:
    triggers = {"on_risky_tool": {"answerers": ["role:boss"], "quorum": 1}}
    base = {"allow": [{"tool": ["**"]}], "budgets": {"tenant": None}}
    whole = {"policy": "p", "version": 1, "tenants": {"default": {**base, **tenant}}, "triggers": triggers}
    found = parse_policy({**whole, **(document or {})}).tenant("default")
    assert found is not None
    return found


def request(risk: Risk = Risk.HIGH) -> Request:
    return Request(
        kind="tool",
        name="pay",
        activation="a#1",
        node="a",
        effect=Effect.ONCE,
        risk=risk,
        needs=(NEED,),
        asked=CapabilitySet((NEED,)),
        reserve=Amount(tool_calls=1),
    )


def facts(base: TenantPolicy) -> Facts:
    return Facts("default", Standing(base.execution, NOTHING, NOTHING), Standing(base.lifetime, NOTHING, NOTHING))


def again(base: TenantPolicy, candidate: TenantPolicy, risk: Risk = Risk.HIGH) -> Rejudged:
    known = facts(base)
    decided = Decided(3, "a#1:1", base, request(risk), known, decide(base, request(risk), known))
    (row,) = rejudge("f", Tape(decisions=[decided]), candidate, Limits())
    return row


def test_the_same_policy_changes_nothing() -> None:
    row = again(policy(), policy())
    assert (row.before, row.after, row.changed, row.looser) == ("ask", "ask", False, None)


@pytest.mark.parametrize(
    ("candidate", "after", "looser"),
    [
        ({"risk": {"high": "auto"}}, "allow", "`allow` where it was `ask`"),
        ({"risk": {"high": "deny"}}, "deny", None),
        ({"deny": [{"tool": ["pay"]}]}, "deny", None),
        ({"document": {"triggers": {"on_risky_tool": {}}}}, "ask", "on_risky_tool: anyone may answer"),
        (
            {"document": {"triggers": {"on_risky_tool": {"answerers": ["role:boss", "role:all"]}}}},
            "ask",
            "on_risky_tool: role:all may answer",
        ),
        ({"budgets": {"tenant": None, "lifetime": {"tool_calls": 0}}}, "deny", None),
    ],
)
def test_a_candidate_is_compared(candidate: dict[str, Any], after: str, looser: str | None) -> None:
    row = again(policy(), policy(**candidate))
    assert (row.after, row.looser) == (after, looser)
    assert row.changed


def test_a_smaller_quorum_is_easier() -> None:
    people = [{"id": name, "roles": ["boss"], "public_key": KEYS[place]} for place, name in enumerate(("ann", "bob"))]
    answerers = {"require_signature": True, "people": people}

    def of(quorum: int, *, signed: bool = True) -> TenantPolicy:
        rule = {"answerers": ["role:boss"], "quorum": quorum}
        return policy({"answerers": {**answerers, "require_signature": signed}, "triggers": {"on_risky_tool": rule}})

    assert again(of(2), of(1)).looser == "on_risky_tool: a quorum of 1 where it was 2"
    assert again(of(1), of(2)).looser is None
    assert again(of(1), of(1, signed=False)).looser == "answers need no signature any more"


KEYS = (
    "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "ed25519:PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=",
)


@pytest.mark.parametrize(
    ("now", "was", "new", "expected"),
    [
        (10, 10, 5, 5),
        (10, 10, None, None),
        (None, None, 5, 5),
        (4, 10, 5, 4),
        (4, 10, 3, 3),
        (4, None, 5, 4),
        (15, 10, 20, 25),
        (15, 10, None, None),
        (4, 10, None, 4),
        (4, None, None, 4),
    ],
)
def test_limits_are_the_candidates_and_what_people_and_graphs_made_of_them(
    now: int | None, was: int | None, new: int | None, expected: int | None
) -> None:
    assert _limit(now, was, new) == expected


def test_a_candidate_without_a_tenant_budget_has_no_ledger_to_ask() -> None:
    base, window = policy(), policy(budgets={"tenant": {"tokens": 5}})
    known = facts(base)
    known.tenant = known.lease = Standing(Limits(tokens=1), NOTHING, NOTHING)
    assert facts_under(base, base, known).tenant is None
    found = facts_under(window, base, known)
    assert found.tenant is not None
    assert (found.tenant.limit.tokens, found.lease) == (5, known.lease)


def test_rules_that_read_what_was_used_are_asked_again() -> None:
    rule = {"id": "dear", "scope": "execution", "when": "execution.tokens_used > 5", "then": "pause_lifetime"}
    base = policy({"guardrails": [rule]})
    known, outcome = facts(base), Outcome(tokens_used=9)
    seen = Reviewed(4, "a#1:1", request(), known, outcome, review(base, request(), known, outcome))
    decided = Decided(3, "a#1:1", base, request(), known, decide(base, request(), known))
    rows = list(rejudge("f", Tape(decisions=[decided], reviews=[seen]), policy(), Limits()))
    assert [(row.after_call, row.before, row.after) for row in rows] == [
        (False, "ask", "ask"),
        (True, "pause_lifetime", "allow"),
    ]
    assert rows[1].looser == "`allow` where it was `pause_lifetime`"
