"""Random policies with every rule that a policy can have, for properties of the engine."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from tests.support.asking import people

BEFORE = (
    "execution.name == 'keep'",
    "execution.kind == 'model'",
    "execution.name == 'small'",
    "execution.visit > 1",
    "execution.attempt > 1",
    "execution.args.x == 2",
    "lifetime.tool_calls + lifetime.tokens_used > 3",
    "lifetime.denials > 0 || lifetime.failures > 1",
    "seen.counts[execution.name] > 1",
    "'external' in seen.labels && capability.kind == 'tool' && capability.value == 'pay'",
    "last.status == 'failed'",
    "last.name == 'risky' && last.status == 'ok'",
)
AFTER = (
    "execution.status == 'failed'",
    "execution.status == 'ok' && execution.name == 'pay'",
    "execution.tokens_used > 100",
    "execution.cost_usd > 0.001 && execution.args.x == 1",
    "lifetime.steps > 5 && execution.status == 'ok'",
)
SAID_BEFORE = (*["ask", "pause_lifetime", "warn"] * 4, "deny", "reject_execution")
SAID_AFTER = (*["pause_lifetime", "warn"] * 3, "reject_execution")


@st.composite
def rules(draw: st.DrawFn) -> dict[str, object]:
    """Parts of a test policy: guardrails, people, triggers, the ladder, the loop guard, what may be granted.

    A seed makes them, because hypothesis by itself prefers policies that say too little to go wrong.
    """
    return _rules(random.Random(draw(st.integers(0, 2**32))))  # noqa: S311  a policy, not a secret


def _rules(chance: random.Random) -> dict[str, object]:
    signed = chance.random() < 0.3
    parts: dict[str, object] = {
        "guardrails": [_guardrail(chance, number) for number in range(chance.choice([0, 1, 2, 4]))],
        "triggers": _triggers(chance, signed=signed),
        "budgets": _budgets(chance),
        "risk": chance.choice([{}, {"low": "ask"}, {"tools": {"pay": "high"}}]),
    }
    if signed:
        parts["answerers"] = people()
    loops = chance.choice([None, {}, {"same_call": {"warn": 1, "block": 2}, "total": 3}, {"ping_pong": 4}])
    if chance.random() < 0.5:
        parts["loop_guard"] = loops
    if chance.random() < 0.5:
        parts["allow"] = [{"tool": ["pure", "pay", "risky", "forbidden"]}, {"model": ["*"]}]
        parts["grantable"] = [{"tool": ["keep"]}]
    return parts


def _guardrail(chance: random.Random, number: int) -> dict[str, object]:
    after = chance.random() < 0.4
    then = "abort_lifetime" if chance.random() < 0.05 else chance.choice(SAID_AFTER if after else SAID_BEFORE)
    when = chance.choice(AFTER if after else BEFORE)
    message = chance.choice(["no", "used ${lifetime.tokens_used}", "at ${execution.args.x}"])
    return {"id": f"r{number}", "when": when, "then": then, "message": message, "repeat": chance.random() < 0.3}


def _triggers(chance: random.Random, *, signed: bool) -> dict[str, object]:
    silence = {"on_risky_tool": "deny", "on_budget": "abort", "on_guardrail": "abort", "on_failure": "skip"}
    found: dict[str, object] = {}
    for name, word in silence.items():
        if chance.random() < 0.7:
            found[name] = {"deadline": "1h", "on_timeout": word} if chance.random() < 0.5 else {}
    if signed:
        found["on_capability"] = {"answerers": ["role:operator"], "quorum": chance.choice([1, 2])}
    return found


def _budgets(chance: random.Random) -> dict[str, object]:
    early = {"warn": 0.1, "downshift": 0.2, "ask": 0.3, "stop": 0.8}
    ladder = [None, {}, early, {"warn": None, "downshift": None, "ask": 0.5}]
    lifetime: dict[str, object] = {
        "tokens": chance.choice([None, 2500, 5000, 20_000]),
        "cost_usd": chance.choice([None, None, 0.05]),
        "steps": chance.choice([None, None, 20]),
        "wall_clock": None,
        "tool_calls": chance.choice([None, 4, 10, 40]),
    }
    return {
        "execution": {"tokens": chance.choice([None, None, 1300]), "cost_usd": None, "wall_clock": None},
        "lifetime": lifetime,
        "ladder": chance.choice(ladder),
        "downshift": chance.choice([{}, {"default": "small"}]),
        "max_raise": chance.choice([{}, {"tool_calls": 3, "tokens": 1000}]),
    }
