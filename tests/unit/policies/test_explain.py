"""An explanation shows every stage, the rule that spoke and what it looked at."""

from __future__ import annotations

from dataclasses import replace

from policies.budget import Amount, Limits
from policies.explain import explain
from policies.model import Facts, Risk, Standing, Trigger, Verdict
from tests.unit.policies.test_decide import FACTS, POLICY, STAGE_NAMES, WRITE, caps


def test_every_stage_has_a_row_even_where_nothing_was_said() -> None:
    rows = explain(POLICY, WRITE, FACTS)
    assert [row.stage for row in rows] == STAGE_NAMES
    assert {(row.verdict, row.rule) for row in rows} == {(Verdict.ALLOW, "allow")}


def test_a_row_shows_what_its_stage_looked_at() -> None:
    standing = Standing(Limits(cost_nano=10**9, tool_calls=5), Amount(tool_calls=2), Amount(tool_calls=1))
    facts = Facts("default", FACTS.execution, standing)
    rows = {row.stage: row.values for row in explain(replace(POLICY, protected=("x/**",)), WRITE, facts)}
    assert rows["tenant"] == {"tenant": "default", "namespace": "default", "namespaces": "*"}
    assert rows["capability"]["needs"] == "tool:fs.write, fs.write:reports/x.md"
    assert rows["capability"]["asked"] == "tool:fs.*, fs.write:reports/**"
    assert rows["protected"] == {"protected": "x/**"}
    assert rows["risk"] == {"declared": "medium", "level": "medium", "mode": "auto"}
    assert rows["budget"] == {
        "lifetime.cost_usd": "0 used + 0 reserved + 0 needed of 1",
        "lifetime.tool_calls": "2 used + 1 reserved + 1 needed of 5",
    }


def test_each_rule_of_a_stage_has_its_row() -> None:
    policy = replace(POLICY, deny=caps("fs.write:**"), triggers={})
    request = replace(WRITE, risk=Risk.HIGH, asked=caps("fs.write:**"), discharged=frozenset({Trigger.RISKY_TOOL}))
    spoken = [(row.stage, row.rule) for row in explain(policy, request, FACTS) if row.verdict is Verdict.DENY]
    assert spoken == [
        ("capability", "capability.not_asked"),
        ("capability", "capability.denied"),
        ("risk", "risk.high"),
    ]
