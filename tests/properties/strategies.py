"""Policies, requests and facts of every shape, hostile ones among them."""

from __future__ import annotations

from hypothesis import strategies as st

from policies.budget import Amount, Limits
from policies.capability import Capability, CapabilitySet
from policies.guardrails import ACTIONS, GUARD_SCOPES, Guardrail
from policies.ladder import Ladder
from policies.loop_guard import LoopRules, LoopState
from policies.model import Counts, Effect, Facts, Last, Outcome, Request, Risk, Seen, Standing, Trigger
from policies.risk import RiskRules
from policies.tenant import TenantPolicy
from policies.triggers import TriggerRule

NAMES = ("t", "u", "small")
PATTERNS = {
    "fs.read": ("**", "a/**", "**/x", "a/x", "b/*", "a", "", "../a", "a\0b"),
    "fs.write": ("**", "a/**", "**/x", "a/x"),
    "net": ("example.org", ".example.org", "a.example.org", "*", ""),
    "shell": ("git status", "git **", "*", ""),
    "tool": ("*", "t", "t*", "u", "**"),
    "model": ("*", "t", "small"),
    "env": ("A@example.org", "A"),
    "nonsense": ("x",),
}
CONDITIONS = (
    "true",
    "false",
    "1 +",
    "lifetime.tokens_used > 500",
    "lifetime.steps / tenant.steps > 1",
    "execution.kind == 'tool' && execution.attempt > 1",
    "'external' in seen.labels && capability.kind == 'net'",
    "capability.value == execution.args.path",
    "execution.args.x == 1 || execution.args.x == 'x'",
    "execution.args.list[0] == execution.args.text",
    "size(json(execution.args)) > 20",
    "seen.counts[execution.name] > 1",
    "get(execution.args, 'a.b', 0) == 0",
    "execution.tokens_used > 10",
    "execution.status == 'failed' && execution.args.x == 1",
)
MESSAGES = ("", "used ${lifetime.tokens_used}", "at ${execution.args.path}", "${capability.value}", "${1 +}", "$${x}")

capabilities = st.sampled_from([Capability(kind, pattern) for kind, found in PATTERNS.items() for pattern in found])
sets = st.lists(capabilities, max_size=6).map(lambda found: CapabilitySet(tuple(found)))
units = st.none() | st.integers(0, 2_000)
limits = st.builds(Limits, tokens=units, cost_nano=units, steps=units, wall_ms=units, tool_calls=units)
counts = st.integers(0, 1_500)
amounts = st.builds(Amount, counts, counts, counts, counts, counts)
standings = st.builds(Standing, limits, amounts, amounts, st.sampled_from([(), ("tokens",), ("cost_nano",)]))
thresholds = st.none() | st.integers(0, 1_000)
repeats = st.none() | st.integers(0, 40)
modes = st.sampled_from(["auto", "ask", "deny"])
guardrails = st.lists(
    st.builds(
        Guardrail,
        st.sampled_from("abcdefgh"),
        st.sampled_from(GUARD_SCOPES),
        st.sampled_from(CONDITIONS),
        st.sampled_from(ACTIONS),
        st.sampled_from(MESSAGES),
    ),
    max_size=4,
    unique_by=lambda rule: rule.id,
).map(tuple)
triggers = st.sets(
    st.sampled_from([Trigger.RISKY_TOOL, Trigger.PROTECTED_PATH, Trigger.CAPABILITY, Trigger.BUDGET, Trigger.GUARDRAIL])
).map(lambda found: {trigger: TriggerRule() for trigger in sorted(found)})
policies = st.builds(
    TenantPolicy,
    st.just("t"),
    namespaces=st.sampled_from([("*",), ("default",)]),
    allow=sets.map(lambda found: CapabilitySet((*found.grants, Capability("tool", "*"), Capability("model", "*")))),
    deny=st.lists(capabilities, max_size=2).map(lambda found: CapabilitySet(tuple(found))),
    grantable=sets,
    protected=st.lists(st.sampled_from(["**", "a/**", "**/x"]), max_size=2).map(tuple),
    risk=st.builds(RiskRules, modes, modes, modes, modes, st.sampled_from([(), (("t*", Risk.HIGH),)])),
    triggers=triggers,
    ladder=st.builds(Ladder, thresholds, thresholds, thresholds, thresholds),
    downshift=st.sampled_from([{}, {"t": "small", "u": "t"}]),
    loop=st.none() | st.builds(LoopRules, repeats, repeats, repeats, repeats, repeats, repeats, st.integers(1, 3)),
    guardrails=guardrails,
)
values: st.SearchStrategy[object] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["x" * 9_000, "a/x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
arguments = st.one_of(
    values,
    st.dictionaries(st.sampled_from(["path", "x", "list", "text", "a", "wait"]), values, max_size=4),
    st.just({"list": [1] * 300, "x": [[1] * 300]}),
)
requests = st.builds(
    lambda kind, name, needs, **more: Request(kind, name, needs=(Capability(kind, name), *needs), **more),
    st.sampled_from(["tool", "model"]),
    st.sampled_from(NAMES),
    st.lists(capabilities, max_size=3),
    activation=st.just("t#1"),
    node=st.sampled_from(["t", "n"]),
    effect=st.sampled_from(list(Effect)),
    risk=st.sampled_from(list(Risk)),
    asked=sets.map(lambda found: CapabilitySet((*found.grants, Capability("tool", "*"), Capability("model", "*")))),
    reserve=amounts,
    max_tokens=st.none() | st.integers(0, 1_500),
    output_nano=st.integers(0, 3),
    discharged=st.frozensets(st.sampled_from(list(Trigger)), max_size=3),
    latched=st.frozensets(st.sampled_from(["guardrail.a", "b"]), max_size=1),
    granted=st.none() | sets,
    args=arguments,
    args_bytes=counts,
    attempt=st.integers(1, 3),
    agent=st.none() | st.just("agent"),
    downshifted=st.booleans(),
    fingerprint=st.sampled_from(["p", "q"]),
)
words = st.lists(st.sampled_from(["external", "t", "example.org"]), max_size=3).map(tuple)
names_to_counts = st.dictionaries(
    st.sampled_from(["t", "u", "p", "q", "n", "p r", "q r"]), st.integers(0, 40), max_size=4
)
loops = st.builds(
    LoopState, st.lists(st.sampled_from("pqr"), max_size=30), names_to_counts, names_to_counts, names_to_counts
)
facts = st.builds(
    Facts,
    st.sampled_from(["default", "other"]),
    standings,
    standings,
    tenant=st.none() | standings,
    lease=st.none() | standings,
    tenant_refused=st.none() | st.just("no more"),
    lifetime_counts=st.builds(Counts, counts, counts, counts, counts, counts),
    seen=st.builds(Seen, words, words, words, words, words, words, names_to_counts),
    last=st.builds(Last, st.just("tool"), st.sampled_from(NAMES)),
    rungs=st.dictionaries(
        st.sampled_from(["lifetime.tokens", "lifetime.cost_usd", "tenant.tokens"]),
        st.sampled_from(["warn", "downshift", "ask", "stop"]),
        max_size=2,
    ),
    loop=st.none() | loops,
)
outcomes = st.builds(Outcome, counts, counts, counts, st.sampled_from(["ok", "failed"]))
