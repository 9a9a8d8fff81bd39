"""How long the gate takes over one call, under a policy of fifty rules."""

from __future__ import annotations

import gc
import random
import sys
import time
from statistics import median

from benchmarks.figures import Figure, Result, quantile, report
from policies.budget import Amount, Limits
from policies.capability import Capability, CapabilitySet
from policies.decide import decide
from policies.document import parse_policy
from policies.model import Effect, Facts, Request, Risk, Standing, Verdict

ROUNDS = 20_000
SEED = 7
FACTS = Facts(
    "default",
    Standing(Limits(tokens=60_000, cost_nano=10**9, wall_ms=300_000), Amount(tokens=900), Amount(tokens=100)),
    Standing(Limits(tokens=200_000, cost_nano=2 * 10**9, steps=300), Amount(steps=40), Amount()),
)
MODEL_RESERVE = Amount(tokens=4_000, cost_nano=9_000_000)


def policy_document() -> dict[str, object]:
    """Fifty rules: 19 that allow, 14 that deny, 9 protected paths, 8 about risk."""
    areas = ("src", "docs", "tests", "data", "reports", "tools", "assets", "build")
    return {
        "policy": "fifty",
        "version": 1,
        "tenants": {
            "default": {
                "allow": [
                    {"tool": ["fs.*", "text.search"]},
                    {"fs.read": [f"{area}/**" for area in areas]},
                    {"fs.write": [f"{area}/out/*.md" for area in areas]},
                    {"model": ["*"]},
                ],
                "deny": [
                    {"fs.read": ["**/.env", "**/*.pem", "**/*.key", "**/secret*/**", "**/.ssh/**", "**/.aws/**"]},
                    {"fs.write": ["**/.env", "**/*.pem", "**/*.key", "**/secret*/**", "**/.ssh/**", "**/.aws/**"]},
                    {"tool": ["fs.purge", "db.*"]},
                ],
                "protected": ["**/.git/**", "**/*.lock", *(f"{area}/keep/**" for area in areas[:7])],
                "risk": {
                    "low": "auto",
                    "medium": "auto",
                    "high": "ask",
                    "critical": "deny",
                    "tools": {"fs.edit": "high", "fs.w*": "medium", "git.push": "critical", "text.*": "low"},
                },
            }
        },
        "triggers": {"on_risky_tool": {"ui": "modal"}, "on_protected_path": {"ui": "modal"}},
    }


def requests() -> list[Request]:
    """Calls of every sort: allowed, asked about, refused, and of a model."""
    asked = CapabilitySet(tuple(Capability(kind, "**") for kind in ("fs.read", "fs.write", "tool")))
    paths = ("src/a.py", "docs/deep/er/still/b.md", "tests/out/c.md", "src/keep/d.md", "x/.env", "y/secrets/z.txt")
    tools = [("fs.read", "fs.read"), ("fs.write", "fs.write"), ("fs.edit", "fs.write")]
    made = [_tool(tool, Capability(kind, path), asked) for tool, kind in tools for path in paths]
    return [*made, _model("default"), _model("small")]


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
    """Decide calls in random order, and count what came out so that it is known to be no single path."""
    result = Result("decide")
    tenant = parse_policy(policy_document()).tenant("default")
    assert tenant is not None
    asked = requests()
    chosen = random.Random(SEED).choices(asked, k=ROUNDS)
    for request in asked * 20:
        decide(tenant, request, FACTS)
    verdicts = dict.fromkeys(Verdict, 0)
    times: list[float] = []
    gc.collect()
    for request in chosen:
        begun = time.perf_counter_ns()
        decision = decide(tenant, request, FACTS)
        times.append((time.perf_counter_ns() - begun) / 1000)
        verdicts[decision.verdict] += 1
    result.figures = [
        Figure("policies.decide, p99, 50 rules", quantile(times, 0.99), "µs", at_most=100),
        Figure("policies.decide, median, 50 rules", median(times), "µs"),
        Figure("decisions a second", 1e6 * len(times) / sum(times), "/s"),
    ]
    result.details = {"verdicts": {verdict.value: count for verdict, count in verdicts.items()}}
    return result


def main() -> int:
    """Measure and report."""
    return report(measure())


if __name__ == "__main__":
    sys.exit(main())
