"""How long the gate takes over one call, under a policy of two hundred rules."""

from __future__ import annotations

import gc
import random
import sys
import time
from dataclasses import replace
from statistics import median

from benchmarks.figures import Figure, Result, quantile, report
from policies.budget import Amount, Limits
from policies.capability import Capability, CapabilitySet
from policies.decide import decide
from policies.document import parse_policy
from policies.loop_guard import LoopState
from policies.model import Counts, Effect, Facts, Last, Request, Risk, Seen, Standing, Verdict
from policies.rules import compiled
from policies.tenant import TenantPolicy

ROUNDS = 20_000
SEED = 7
RULES = 200
LIMIT = Limits(tokens=200_000, cost_nano=2 * 10**9, steps=300, wall_ms=3_600_000, tool_calls=200)
FACTS = Facts(
    "default",
    Standing(Limits(tokens=60_000, cost_nano=10**9, wall_ms=300_000), Amount(tokens=900), Amount(tokens=100)),
    Standing(LIMIT, Amount(tokens=20_000, steps=40, wall_ms=9_000, tool_calls=12), Amount(tokens=5_000)),
    tenant=Standing(Limits(tokens=10**6, cost_nano=10**11, steps=1000), Amount(tokens=70_000), Amount(tokens=9_000)),
    lease=Standing(Limits(tokens=50_000, cost_nano=10**9), Amount(tokens=5_000), Amount(tokens=5_000)),
    lifetime_counts=Counts(9_000, 60_000, 1, 2, 1),
    seen=Seen(
        tools=("fs.read", "fs.write", "text.search"),
        kinds=("fs.read", "fs.write", "model", "tool"),
        effects=("idempotent", "read"),
        labels=("internal",),
        hosts=tuple(f"h{number}.example.org" for number in range(12)),
        nodes=("ask", "step"),
        counts={"fs.read": 9, "fs.write": 2, "default": 4},
    ),
    last=Last("tool", "fs.read", "step", "ok"),
    loop=LoopState(
        [f"fs.read:{number:016x}" for number in range(30)],
        {f"fs.read:{number:016x}": 1 for number in range(60)},
        {f"fs.read:{number:016x} {number:016x}": 1 for number in range(60)},
        {"step": 12, "ask": 8},
    ),
)
MODEL_RESERVE = Amount(tokens=4_000, cost_nano=9_000_000)
ARGS: dict[str, object] = {"path": "src/a.py", "text": "some lines of text\n" * 40, "options": {"deep": [1, 2, 3]}}

CONDITIONS = (
    "lifetime.tokens_used > {many} && execution.kind == 'model'",
    "'external' in seen.labels && capability.kind == 'net'",
    "execution.name == 'shell.run' && seen.counts['fs.read'] > {few}",
    "lifetime.cost_usd > {few}.5",
    "execution.risk == 'high' && lifetime.denials > {few}",
    "has(execution.args.path) && execution.args.path.startsWith('secret{few}/')",
    "last.status == 'failed' && last.name == execution.name && lifetime.failures > {few}",
    "tenant.tokens_used + tenant.tokens_reserved > {many}000",
    "execution.args_bytes > 60{few} || execution.attempt > 9",
    "capability.kind == 'fs.write' && capability.value.endsWith('.secret{few}')",
)
"""None of them holds for these calls, so that all fifty are evaluated for each."""
SLOW = ("get(execution.args, 'options.limit', 0) > 90", "count(seen.hosts, 'name', 'evil') > 3")
"""The last of the fifty takes the engine."""


def policy_document() -> dict[str, object]:
    """Two hundred rules: 150 that allow, deny, protect or say how risky a tool is, and 50 guardrails."""
    areas = [f"{name}-{number}" for name in ("src", "docs", "tests", "data", "build") for number in range(6)]
    hidden = ("**/.env", "**/*.pem", "**/*.key", "**/secret*/**", "**/.ssh/**", "**/.aws/**", "**/*.p12", "**/*.kdbx")
    return {
        "policy": "two-hundred",
        "version": 1,
        "tenants": {
            "default": {
                "allow": [
                    {"tool": ["fs.*", "text.search"]},
                    {"fs.read": ["src/**", "docs/**", *(f"{area}/**" for area in areas)]},
                    {"fs.write": ["src/keep/**", "tests/**", *(f"{area}/out/*.md" for area in areas)]},
                    {"model": ["*"]},
                ],
                "deny": [
                    {"fs.read": [*hidden, *(f"{area}/private/**" for area in areas[:8])]},
                    {"fs.write": [*hidden, *(f"{area}/private/**" for area in areas[:8])]},
                    {"tool": ["fs.purge", "db.*", "net.*", "mail.send"]},
                ],
                "protected": ["**/.git/**", "**/*.lock", *(f"{area}/keep/**" for area in ("src", *areas[:13]))],
                "risk": {
                    "low": "auto",
                    "medium": "auto",
                    "high": "ask",
                    "critical": "deny",
                    "tools": {"fs.edit": "high", "fs.w*": "medium", "text.*": "low", **_risks()},
                },
                "budgets": {"downshift": {"large": "default", "default": "small"}},
            }
        },
        "guardrails": guardrails(),
        "triggers": {"on_risky_tool": {"ui": "modal"}, "on_protected_path": {"ui": "modal"}, "on_budget": {}},
    }


def _risks() -> dict[str, str]:
    return {f"team{number}.*": "critical" for number in range(28)}


def guardrails() -> list[dict[str, object]]:
    """Fifty rules in all three scopes."""
    texts = [CONDITIONS[number % 10].format(many=90_000 + number, few=10 + number) for number in range(48)]
    return [
        {
            "id": f"rule-{number:02}",
            "scope": ("execution", "lifetime", "tenant")[number % 3],
            "when": text,
            "then": "deny",
        }
        for number, text in enumerate([*texts, *SLOW])
    ]


def rules_of(tenant: TenantPolicy) -> int:
    """How many rules a policy has, the four modes of risk left out."""
    sets = (tenant.allow.grants, tenant.deny.grants, tenant.protected, tenant.risk.tools, tenant.guardrails)
    return sum(map(len, sets))


def requests(rounds: int) -> list[Request]:
    """Calls of every sort, in random order: allowed, asked about, refused, and of a model.

    Every other tool call is for a path that was never seen before, so that nothing that is remembered helps it.
    """
    chance = random.Random(SEED)
    asked = CapabilitySet(tuple(Capability(kind, "**") for kind in ("fs.read", "fs.write", "tool")))
    paths = (
        "src/{}.py",
        "docs/deep/{}/still/b.md",
        "tests/out/{}.md",
        "src/keep/{}.md",
        "x/{}/.env",
        "y/secrets/{}.txt",
    )
    tools = (("fs.read", "fs.read"), ("fs.write", "fs.write"), ("fs.edit", "fs.write"))
    made = []
    for number in range(rounds):
        tool, kind = chance.choice((*tools, ("model", chance.choice(("default", "small")))))
        path = chance.choice(paths).format(number if number % 2 else "a")
        made.append(_model(kind) if tool == "model" else _tool(tool, Capability(kind, path), asked))
    return made


def _tool(name: str, need: Capability, asked: CapabilitySet) -> Request:
    return Request(
        kind="tool",
        name=name,
        activation="step#1",
        node="step",
        effect=Effect.IDEMPOTENT,
        risk=Risk.LOW,
        needs=(Capability("tool", name), need),
        asked=asked,
        reserve=Amount(tool_calls=1),
        args=ARGS,
        args_bytes=900,
        fingerprint=f"{name}:{need.pattern}",
    )


def _model(alias: str) -> Request:
    return Request(
        kind="model",
        name=alias,
        activation="ask#1",
        node="ask",
        effect=Effect.READ,
        risk=Risk.LOW,
        needs=(Capability("model", alias),),
        asked=CapabilitySet((Capability("model", "*"),)),
        reserve=MODEL_RESERVE,
        max_tokens=1_000,
        output_nano=15_000,
    )


def measure() -> Result:
    """Decide many calls, and count what came out so that it is known to be no single path."""
    result = Result("decide")
    tenant = parse_policy(policy_document()).tenant("default")
    assert tenant is not None
    assert rules_of(tenant) == RULES
    chosen = requests(ROUNDS)
    verdicts = dict.fromkeys(Verdict, 0)
    for request in requests(500):
        verdicts[decide(tenant, request, FACTS).verdict] += 1
    times, bare = _timed(tenant, chosen), _timed(replace(tenant, guardrails=()), chosen)
    result.figures = [
        Figure("policies.decide, p99, 200 rules", quantile(times, 0.99), "µs", at_most=100),
        Figure("policies.decide, median, 200 rules", median(times), "µs"),
        Figure("policies.decide, median, without the 50 guardrails", median(bare), "µs"),
        Figure("decisions a second, 200 rules", 1e6 * len(times) / sum(times), "/s"),
    ]
    before, _ = compiled(tenant.guardrails)
    result.details = {
        "verdicts": {verdict.value: count for verdict, count in verdicts.items()},
        "guardrails_by_the_engine": sum(rule.quick is None for rule in before.all),
    }
    return result


def _timed(tenant: TenantPolicy, chosen: list[Request]) -> list[float]:
    """How long each decision takes, in microseconds; the first ones, which compile, are not counted."""
    for request in chosen[:500]:
        decide(tenant, request, FACTS)
    times: list[float] = []
    gc.collect()
    for request in chosen:
        begun = time.perf_counter_ns()
        decide(tenant, request, FACTS)
        times.append((time.perf_counter_ns() - begun) / 1000)
    return times


def main() -> int:
    """Measure and report."""
    return report(measure())


if __name__ == "__main__":
    sys.exit(main())
