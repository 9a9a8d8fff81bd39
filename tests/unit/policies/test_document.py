"""A policy file is read exactly, and everything that is wrong with it is said at once."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.budget import Limits
from policies.document import PolicyDocument, TenantPolicy, builtin_policy, parse_policy, schema
from policies.errors import DocumentError
from policies.limits import EXECUTION, LIFETIME
from policies.model import Risk, Trigger

SCHEMA = Path(__file__).parents[3] / "docs" / "schema" / "policy.json"
FULL: dict[str, Any] = {
    "policy": "example",
    "version": 1,
    "tenants": {
        "default": {
            "namespaces": ["default"],
            "task_queues": ["detent"],
            "allow": [
                {"tool": ["fs.*", "text.*"]},
                {"fs.read": ["**"]},
                {"fs.write": ["reports/**"], "net": ["api.example.org", ".docs.example.org"]},
                {"shell": ["git status", "git diff **"]},
                {"env": [{"name": "SERVICE_TOKEN", "hosts": ["api.example.org"]}]},
                {"model": ["*"]},
                {"mcp": ["github/*"]},
                {"spawn": ["*"]},
            ],
            "deny": [{"fs.read": ["**/.env"]}],
            "protected": ["**/.git/**"],
            "budgets": {
                "execution": {"tokens": 10000, "cost_usd": 1, "wall_clock": "300s"},
                "lifetime": {"tokens": 5, "cost_usd": 0.25, "steps": None, "wall_clock": "1500ms", "depth": None},
            },
            "risk": {"low": "auto", "high": "ask", "critical": "deny", "tools": {"shell.*": "critical"}},
        },
        "other": {},
    },
    "triggers": {
        "on_risky_tool": {"ui": "modal", "deadline": "1h", "on_timeout": "deny"},
        "on_protected_path": {},
        "on_failure": {"ui": "toast", "deadline": None, "on_timeout": "skip"},
    },
    "prices": {"qwen3": {"input": 0.5, "output": 1, "cache_read": "0.05", "cache_write": 1}},
}


def changed(path: str, value: object) -> dict[str, Any]:
    """The full example with one value set, or taken out where it is `...`."""
    document = copy.deepcopy(FULL)
    *above, last = path.split("/")
    place: Any = document
    for key in above:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


def problems_of(document: object) -> list[tuple[str, str]]:
    with pytest.raises(DocumentError) as caught:
        parse_policy(document)
    return [(problem.code, problem.path) for problem in caught.value.problems]


def test_a_full_policy_means_what_it_says() -> None:
    policy = parse_policy(FULL)
    tenant = policy.tenant("default")
    assert tenant is not None
    assert [str(grant) for grant in tenant.allow.grants][3:6] == [
        "fs.write:reports/**",
        "net:api.example.org",
        "net:.docs.example.org",
    ]
    assert tenant.execution == Limits(tokens=10_000, cost_nano=10**9, wall_ms=300_000)
    assert tenant.lifetime == Limits(tokens=5, cost_nano=25 * 10**7, steps=None, wall_ms=1500, tool_calls=200)
    assert (tenant.risk.medium, tenant.risk.tools) == ("auto", (("shell.*", Risk.CRITICAL),))
    assert tenant.triggers[Trigger.RISKY_TOOL].deadline_s == 3600.0
    assert tenant.triggers[Trigger.PROTECTED_PATH].on_timeout == "deny"
    assert tenant.triggers[Trigger.FAILURE].on_timeout == "skip"
    assert policy.tenant("nobody") is None


def test_what_a_tenant_leaves_out_has_its_default() -> None:
    other = parse_policy(FULL).tenant("other")
    assert other is not None
    assert (other.execution, other.lifetime) == (EXECUTION, LIFETIME)
    assert (other.allow.grants, other.deny.grants, other.protected) == ((), (), ())
    assert [other.risk.mode(level) for level in Risk] == ["auto", "auto", "ask", "deny"]


def test_a_worker_serves_the_tenants_of_its_namespace_and_queue() -> None:
    policy = parse_policy(FULL)
    assert policy.tenants_for("default") == ("default", "other")
    assert policy.tenants_for("default", "detent") == ("default", "other")
    assert policy.tenants_for("default", "elsewhere") == ("other",)
    assert policy.tenants_for("production") == ("other",)


@pytest.mark.parametrize("policy", [parse_policy(FULL), builtin_policy()])
def test_a_policy_reads_back_as_itself(policy: PolicyDocument) -> None:
    document = json.loads(json.dumps(policy.to_document()))
    again = parse_policy(document)
    assert again == policy
    assert again.digest == policy.digest
    for tenant in policy.tenants.values():
        recorded = TenantPolicy.from_document(json.loads(json.dumps(tenant.to_document())))
        assert recorded == tenant
        assert recorded.digest == tenant.digest


def test_the_digest_changes_with_the_policy() -> None:
    others = (
        changed("tenants/default/protected", []),
        changed("triggers/on_failure", {}),
        changed("prices", "builtin"),
    )
    digests = {parse_policy(document).digest for document in (FULL, *others)}
    assert len(digests) == 4
    tenants = (parse_policy(document).tenant("default") for document in (FULL, *others))
    assert len({tenant.digest for tenant in tenants if tenant is not None}) == 3


def test_the_built_in_policy_is_what_the_page_says() -> None:
    policy = builtin_policy()
    tenant = policy.tenant("default")
    assert tenant is not None
    assert policy.tenants_for("any") == ("default",)
    assert [str(grant) for grant in tenant.allow.grants] == [
        "tool:fs.*",
        "tool:text.*",
        "fs.read:**",
        "fs.write:**",
        "model:*",
    ]
    assert tenant.protected == ("**/.git/**",)
    assert (tenant.execution, tenant.lifetime) == (EXECUTION, LIFETIME)
    assert sorted(tenant.triggers) == [Trigger.PROTECTED_PATH, Trigger.RISKY_TOOL]


@pytest.mark.parametrize(
    "path",
    [
        f"{key}"
        for key in ("guardrails", "answerers", "controls", "approvals", "revoked", "audit", "secrets", "unpriced")
    ]
    + [f"tenants/default/{key}" for key in ("grantable", "loop_guard")]
    + [f"tenants/default/budgets/{key}" for key in ("tenant", "ladder", "downshift", "max_raise")]
    + ["triggers/on_budget", "triggers/on_gap", "triggers/on_risky_tool/quorum", "triggers/on_failure/answerers"],
)
def test_what_is_not_there_yet_says_so(path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_policy(changed(path, {}))
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("not_yet", path.replace("/", "."))
    assert "is not there yet" in problem.message


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("polcy", 1, "unknown_key"),
        ("policy", ..., "missing"),
        ("policy", "Example", "wrong_value"),
        ("policy", 5, "wrong_value"),
        ("version", ..., "missing"),
        ("version", 2, "wrong_value"),
        ("version", True, "wrong_value"),
        ("tenants", ..., "missing"),
        ("tenants", {}, "missing"),
        ("tenants", [], "wrong_type"),
        ("tenants/a b", {}, "wrong_value"),
        ("tenants/-a", {}, "wrong_value"),
        ("tenants/default/alow", [], "unknown_key"),
        ("tenants/default/namespaces", [], "wrong_value"),
        ("tenants/default/namespaces", [""], "wrong_value"),
        ("tenants/default/namespaces", "default", "wrong_type"),
        ("tenants/default/allow", {"tool": []}, "wrong_type"),
        ("tenants/default/protected", ["/etc"], "bad_pattern"),
        ("tenants/default/protected", [3], "wrong_type"),
        ("tenants/default/budgets", None, "wrong_type"),
        ("tenants/default/budgets/execution/depth", 3, "unknown_key"),
        ("tenants/default/budgets/execution/tokens", "many", "wrong_value"),
        ("tenants/default/budgets/lifetime/cost_usd", -1, "wrong_value"),
        ("tenants/default/budgets/lifetime/wall_clock", 300, "wrong_value"),
        ("tenants/default/risk/high", "maybe", "wrong_value"),
        ("tenants/default/risk/huge", "auto", "unknown_key"),
        ("tenants/default/risk/tools/shell.*", "huge", "wrong_value"),
        ("tenants/default/risk/tools/a**", "low", "bad_pattern"),
        ("triggers/on_risky_tol", {}, "unknown_key"),
        ("triggers/on_risky_tool/ui", "popup", "wrong_value"),
        ("triggers/on_risky_tool/deadline", "soon", "wrong_value"),
        ("triggers/on_risky_tool/on_timeout", "skip", "wrong_value"),
        ("triggers/on_failure/ui", 4, "wrong_value"),
        ("triggers", [], "wrong_type"),
        ("prices", "prices.yaml", "not_yet"),
        ("prices", 3, "wrong_type"),
        ("prices/qwen3", {"input": 1}, "missing"),
        ("prices/qwen3/output", "free", "wrong_value"),
        ("prices/qwen3/out", 1, "unknown_key"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(path: str, value: object, code: str) -> None:
    ((found, place),) = problems_of(changed(path, value))
    assert found == code
    assert place.split("[")[0] == path.replace("/", ".")


@pytest.mark.parametrize("outcome", ["approve", "grant", "provide", "continue", "raise", "retry"])
def test_silence_is_never_a_yes(outcome: str) -> None:
    for trigger in ("on_risky_tool", "on_protected_path"):
        path = f"triggers/{trigger}/on_timeout"
        assert problems_of(changed(path, outcome)) == [("unsafe", path.replace("/", "."))]


@pytest.mark.parametrize(("trigger", "silence"), [("on_risky_tool", "deny"), ("on_failure", "abort")])
def test_a_toast_is_refused_where_the_run_must_wait(trigger: str, silence: str) -> None:
    rule = {"ui": "toast", "on_timeout": silence}
    assert problems_of(changed(f"triggers/{trigger}", rule)) == [("unsafe", f"triggers.{trigger}")]


@pytest.mark.parametrize(
    ("grant", "loads"),
    [
        ({"fs.write": ["**"]}, False),
        ({"fs.read": ["**/**"]}, False),
        ({"shell": ["**"]}, False),
        ({"tool": ["**"]}, False),
        ({"tool": ["*"]}, True),
        ({"fs.write": ["reports/**"]}, True),
    ],
)
def test_critical_calls_do_not_run_unasked_where_everything_is_granted(grant: object, loads: bool) -> None:
    document = changed("tenants/default/allow", [grant])
    document["tenants"]["default"]["risk"]["critical"] = "auto"
    if loads:
        assert parse_policy(document).tenant("default") is not None
    else:
        assert problems_of(document) == [("unsafe", "tenants.default.risk.critical")]


def test_all_problems_are_told_at_once() -> None:
    document = changed("tenants/default/risk/high", "maybe") | {"version": 3, "guardrails": [], "prices": "x"}
    assert sorted(problems_of(document)) == [
        ("not_yet", "guardrails"),
        ("not_yet", "prices"),
        ("wrong_value", "tenants.default.risk.high"),
        ("wrong_value", "version"),
    ]


@pytest.mark.parametrize("data", [None, 3, "policy", [], {1: 2}])
def test_what_is_no_policy_at_all_is_refused(data: object) -> None:
    assert problems_of(data)


def test_a_recorded_slice_that_was_changed_is_refused() -> None:
    document = builtin_policy().tenants["default"].to_document() | {"extra": 1}
    with pytest.raises(DocumentError, match="unknown key `extra`"):
        TenantPolicy.from_document(document)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(FULL)) | st.text(max_size=5), inner)
    ),
    max_leaves=12,
)
TOP = ("policy", "tenants", "triggers", "prices", "triggers/on_failure", "prices/qwen3", "tenants/default")
TENANT = ("allow", "allow/0", "deny", "protected", "budgets", "budgets/lifetime", "risk", "risk/tools")
places = st.sampled_from((*TOP, *(f"tenants/default/{key}" for key in TENANT)))


def digest_or_problems(document: object) -> object:
    """What comes of a document: the digest of a policy, or problems."""
    try:
        return parse_policy(document).digest
    except DocumentError as error:
        return error.problems


@given(places, json_values)
def test_nothing_but_problems_comes_out_of_a_bad_policy(place: str, value: object) -> None:
    document = copy.deepcopy(FULL)
    *above, last = place.split("/")
    inner: Any = document
    for key in above:
        inner = inner[key]
    inner[int(last) if last.isdigit() else last] = value
    assert digest_or_problems(document)


def test_the_published_schema_is_the_generated_one() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema()


def test_the_schema_takes_what_loads_and_refuses_what_does_not() -> None:
    check = jsonschema.Draft202012Validator(schema())
    check.check_schema(schema())
    assert check.is_valid(FULL)
    assert check.is_valid(builtin_policy().to_document())
    for path, value in (("guardrails", []), ("tenants", {}), ("triggers/on_risky_tool/on_timeout", "approve")):
        assert not check.is_valid(changed(path, value))
