"""Whatever loads reads back as itself, and whatever does not is told with its place."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from policies.document import TenantPolicy, parse_policy, schema
from policies.errors import DocumentError
from policies.loop_document import PAIRS, SINGLES
from policies.model import Risk, Trigger
from policies.risk import MODES
from policies.triggers import ON_TIMEOUT
from policies.windows import PERIODS
from tests.unit.policies.documents import DIGEST, FULL, PEOPLE

counts = st.none() | st.integers(0, 10**9)
money = st.none() | st.integers(0, 1000) | st.decimals(0, 1000, places=4).map(str)
spans = st.builds("{}{}".format, st.integers(1, 900), st.sampled_from(["ms", "s", "m", "h", "d"]))
globs = st.lists(st.sampled_from(["**", "a/*", "reports/**", "**/.env", "x.md"]), max_size=3)
entries = st.just(["any"]) | st.lists(st.sampled_from(["ada", "bob", "role:operator", "role:lead"]), min_size=1)


def some(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


limits = some({"tokens": counts, "cost_usd": money, "steps": counts, "tool_calls": counts})
windows = st.lists(
    st.tuples(limits, st.sampled_from(PERIODS)), min_size=1, max_size=4, unique_by=lambda pair: pair[1]
).map(lambda pairs: [{**limit, "per": per} for limit, per in pairs])
ladders = st.lists(st.integers(1, 1000), min_size=4, max_size=4, unique=True).flatmap(
    lambda rungs: st.tuples(*(st.sampled_from([None, at / 1000]) for at in sorted(rungs))).map(
        lambda chosen: dict(zip(("warn", "downshift", "ask", "stop"), chosen, strict=True))
    )
)
budgets = some(
    {
        "execution": limits,
        "lifetime": limits.map(lambda found: {**found, "depth": 3, "wall_clock": "90s"}),
        "tenant": st.none() | limits | windows,
        "ladder": st.none() | ladders,
        "downshift": st.just({"large": "default", "default": "small"}),
        "max_raise": st.just({}) | st.just({"cost_usd": "1.5", "wall_clock": "3m"}),
    }
)
loops = st.none() | some(
    {
        **dict.fromkeys(PAIRS, st.none() | st.just({"warn": 1, "block": 7}) | st.just({"warn": None})),
        **dict.fromkeys(SINGLES, st.none() | st.integers(1, 99)),
    }
)
tenants = some(
    {
        "namespaces": st.lists(st.sampled_from(["a", "b"]), min_size=1),
        "allow": globs.map(lambda found: [{"fs.read": found}]),
        "deny": globs.map(lambda found: [{"fs.write": found}, {"net": [".example.org"]}]),
        "grantable": globs.map(lambda found: [{"fs.write": found}]),
        "protected": globs,
        "budgets": budgets,
        "risk": some({level: st.sampled_from(MODES) for level in Risk if level is not Risk.CRITICAL}),
        "loop_guard": loops,
        "starters": st.none() | entries,
    }
)


def rule_of(trigger: Trigger) -> st.SearchStrategy[dict[str, Any]]:
    fields: dict[str, st.SearchStrategy[Any]] = {
        "deadline": st.none() | spans,
        "on_timeout": st.sampled_from(ON_TIMEOUT[trigger]),
        "not_starter": st.booleans(),
        "quorum": st.just(1),
    }
    plain = some({**fields, "answerers": entries, "ui": st.sampled_from(["modal", "panel"])})
    later = some(fields).map(lambda found: {**found, "answerers": ["ada", "bob"], "quorum": 2})
    return plain | later.map(lambda found: {"deadline": "1h", "on_timeout": "escalate", "escalate": found})


guardrails = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["a", "b_2", "c-3"]),
            "when": st.sampled_from(["sum(steps) > 3", "'x' in seen.tools", "execution.args.a == 'b'"]),
            "then": st.sampled_from(["ask", "warn", "pause_lifetime"]),
        },
        optional={"message": st.sampled_from(["", "used ${lifetime.cost_usd}"]), "repeat": st.booleans()},
    ),
    max_size=3,
    unique_by=lambda rule: str(rule["id"]),
)
policies = st.fixed_dictionaries(
    {
        "policy": st.just("any"),
        "version": st.just(1),
        "tenants": st.dictionaries(st.sampled_from(["default", "other"]), tenants, min_size=1),
        "answerers": st.just({"require_signature": True, "people": PEOPLE}),
    },
    optional={
        "triggers": some({trigger.value: rule_of(trigger) for trigger in Trigger}),
        "guardrails": guardrails,
        "controls": some({"pause": st.sampled_from(["any", "lead"]), "steer": st.just("role:lead")}),
        "approvals": some({"tenant": st.sampled_from(["allow", "deny"]), "max": spans}),
        "revoked": st.lists(st.just(DIGEST), max_size=2),
        "audit": some({"sign": st.booleans()}),
        "secrets": some({"allow_paths": st.lists(st.just("input.a"), max_size=2)}),
        "prices": st.just("builtin") | st.just({"qwen3": {"input": 1, "output": "2.5"}}),
        "unpriced": st.sampled_from(["allow", "error"]),
    },
)


@given(policies)
def test_a_policy_reads_back_as_itself(document: dict[str, Any]) -> None:
    policy = parse_policy(document)
    again = parse_policy(json.loads(json.dumps(policy.to_document())))
    assert (again, again.digest) == (policy, policy.digest)
    for tenant in policy.tenants.values():
        recorded = TenantPolicy.from_document(json.loads(json.dumps(tenant.to_document())))
        assert (recorded, recorded.digest) == (tenant, tenant.digest)


@given(policies)
def test_the_schema_takes_what_loads_and_what_is_written(document: dict[str, Any]) -> None:
    check = jsonschema.Draft202012Validator(schema())
    assert check.is_valid(document)
    assert check.is_valid(parse_policy(document).to_document())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(FULL)) | st.text(max_size=5), inner)
    ),
    max_leaves=12,
)
RULES = ("guardrails/0", "guardrails/0/when", "guardrails/1/message", "triggers/on_risky_tool")
PLACES = (
    *FULL,
    *RULES,
    *(f"triggers/on_risky_tool/{key}" for key in ("answerers", "quorum", "deadline", "escalate")),
    *(f"answerers/people/{key}" for key in ("0", "0/id", "1/roles", "2/public_key")),
    *("controls/steer", "approvals/max", "revoked/0", "audit/sign", "secrets/allow_paths", "prices/qwen3"),
    *(f"tenants/default/{key}" for key in FULL["tenants"]["default"]),
    *(f"tenants/default/budgets/{key}" for key in FULL["tenants"]["default"]["budgets"]),
    *("tenants/default/budgets/tenant/0", "tenants/default/loop_guard/same_call", "tenants/default/allow/0"),
)


def digest_or_problems(document: object) -> object:
    """What comes of a document: the digest of a policy, or problems."""
    try:
        return parse_policy(document).digest
    except DocumentError as error:
        return error.problems


@given(st.sampled_from(PLACES), json_values)
def test_nothing_but_problems_comes_out_of_a_bad_policy(place: str, value: object) -> None:
    document = copy.deepcopy(FULL)
    *above, last = place.split("/")
    inner: Any = document
    for key in above:
        inner = inner[int(key) if key.isdigit() else key]
    inner[int(last) if last.isdigit() else last] = value
    assert digest_or_problems(document)
