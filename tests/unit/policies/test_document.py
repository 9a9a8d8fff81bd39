"""A policy file is read exactly, and everything that is wrong with it is said at once."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from policies.budget import Limits
from policies.document import PolicyDocument, TenantPolicy, TriggerRule, builtin_policy, parse_policy, schema
from policies.errors import DocumentError, Problem
from policies.ladder import Ladder
from policies.limits import EXECUTION, LIFETIME
from policies.loop_guard import LoopRules
from policies.model import Risk, Trigger
from policies.price_document import parse_prices
from policies.prices import Price
from policies.windows import TENANT
from tests.unit.policies.documents import DIGEST, FULL, PEOPLE, changed, problems_of

SCHEMA = Path(__file__).parents[3] / "docs" / "schema" / "policy.json"
PAGE = """
policy: example
version: 1
tenants:
  default:
    namespaces: [default]
    allow:
      - tool: ["fs.*", "text.*"]
      - fs.read: ["**"]
      - fs.write: ["reports/**"]
      - net: ["api.example.org", ".docs.example.org"]
      - shell: ["git status", "git diff **"]
      - env: [{name: SERVICE_TOKEN, hosts: ["api.example.org"]}]
      - model: ["*"]
      - mcp: ["github/*"]
      - spawn: ["*"]
    grantable: [{net: [".example.org"]}]
    deny: [{fs.read: ["**/.env"]}]
    protected: ["**/.git/**"]
    budgets:
      execution: {tokens: 10000, cost_usd: 1, wall_clock: 300s}
      lifetime: {tokens: 100000, cost_usd: 10, steps: 100, wall_clock: 3600s, depth: 8, tool_calls: 200}
      tenant: {tokens: 1000000, cost_usd: 100, steps: 1000, per: day}
      ladder: {warn: 0.5, downshift: 0.75, ask: 0.9, stop: 1.0}
      downshift: {large: default, default: small}
      max_raise: {cost_usd: 20}
    risk: {low: auto, medium: auto, high: ask, critical: deny, tools: {"shell.*": critical}}
    loop_guard:
      {same_call: {warn: 3, block: 5}, same_result: {warn: 2, block: 3}, ping_pong: 6, total: 30, polling_factor: 3}
guardrails:
  - id: runaway-tokens
    scope: lifetime
    when: "lifetime.tokens_used > 90000 && execution.kind == 'model'"
    then: pause_lifetime
    message: This run has used ${lifetime.tokens_used} tokens.
triggers:
  on_risky_tool: {ui: modal, deadline: 1h, on_timeout: deny, answerers: ["role:operator"], quorum: 1}
  on_budget: {ui: modal, deadline: 24h, on_timeout: abort}
answerers: {require_signature: false, people: []}
controls: {pause: any, cancel: any, resume: operator, steer: operator, cancel_call: operator}
prices: builtin
"""


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
    assert [str(grant) for grant in tenant.grantable.grants] == ["net:.example.org"]
    assert tenant.starters == ("role:operator", "ada")
    assert (tenant.revoked, tenant.sign_audit) == ((DIGEST,), True)
    assert tenant.secret_paths == ("graph.nodes.*.with.token", "input.password")
    assert tenant.triggers[Trigger.RISKY_TOOL].deadline_s == 3600.0
    assert tenant.triggers[Trigger.PROTECTED_PATH].on_timeout == "deny"
    assert tenant.triggers[Trigger.FAILURE].on_timeout == "skip"
    assert policy.tenant("nobody") is None


def test_every_tenant_has_what_the_document_says_once() -> None:
    policy = parse_policy(FULL)
    for tenant in policy.tenants.values():
        assert all(getattr(tenant, name) == value for name, value in vars(policy.house).items())


def test_the_example_of_the_page_says_what_holds_anyway() -> None:
    policy = parse_policy(yaml.safe_load(PAGE))
    tenant, default = policy.tenants["default"], TenantPolicy("default")
    same = ("execution", "lifetime", "windows", "ladder", "loop", "answerers", "controls", "approvals", "revoked")
    assert all(getattr(tenant, name) == getattr(default, name) for name in same)
    assert [(rule.id, rule.is_after) for rule in tenant.guardrails] == [("runaway-tokens", False)]
    assert tenant.triggers[Trigger.BUDGET] == builtin_policy().house.triggers[Trigger.BUDGET]
    assert (policy.prices, policy.unpriced) == ("builtin", False)


def test_what_a_tenant_leaves_out_has_its_default() -> None:
    other = parse_policy(FULL).tenant("third")
    assert other is not None
    assert (other.execution, other.lifetime) == (EXECUTION, LIFETIME)
    assert (other.windows, other.ladder, other.loop, other.starters) == (TENANT, Ladder(), LoopRules(), ())
    assert (other.allow.grants, other.deny.grants, other.protected) == ((), (), ())
    assert [other.risk.mode(level) for level in Risk] == ["auto", "auto", "ask", "deny"]


def test_a_worker_serves_the_tenants_of_its_namespace_and_queue() -> None:
    policy = parse_policy(FULL)
    assert policy.tenants_for("default") == ("default", "other", "third")
    assert policy.tenants_for("default", "detent") == ("default", "other", "third")
    assert policy.tenants_for("default", "elsewhere") == ("other", "third")
    assert policy.tenants_for("production") == ("other", "third")


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


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("guardrails", []),
        ("guardrails/0/then", "warn"),
        ("guardrails/0/repeat", True),
        ("triggers/on_failure", {}),
        ("triggers/on_risky_tool/not_starter", True),
        ("triggers/on_risky_tool/quorum", 1),
        ("triggers/on_risky_tool/escalate/on_timeout", "deny"),
        ("triggers/on_human_node/on_timeout", "reject"),
        ("answerers/people", PEOPLE[:2]),
        ("controls", {}),
        ("approvals/max", "8d"),
        ("revoked", []),
        ("audit", {}),
        ("secrets", {}),
        *(
            (f"tenants/default/{key}", value)
            for key, value in (
                ("namespaces", ["*"]),
                ("allow", []),
                ("deny", []),
                ("grantable", []),
                ("protected", []),
                ("budgets/execution", {"tokens": 1}),
                ("budgets/lifetime", {}),
                ("budgets/tenant", None),
                ("budgets/ladder/ask", 0.876),
                ("budgets/downshift", {}),
                ("budgets/max_raise", {}),
                ("risk/tools", {}),
                ("loop_guard/total", None),
                ("starters", None),
            )
        ),
    ],
)
def test_the_digest_changes_with_the_policy(path: str, value: object) -> None:
    policy, other = parse_policy(FULL), parse_policy(changed(path, value))
    is_synonym = path.endswith("not_starter")
    assert (other.digest == policy.digest) is is_synonym
    assert (other.tenants["default"].digest == policy.tenants["default"].digest) is is_synonym


@pytest.mark.parametrize(("path", "value"), [("prices", "builtin"), ("unpriced", "error")])
def test_prices_are_no_part_of_a_slice(path: str, value: object) -> None:
    policy, other = parse_policy(FULL), parse_policy(changed(path, value))
    assert other.digest != policy.digest
    assert other.tenants["default"].digest == policy.tenants["default"].digest


def test_the_built_in_policy_is_what_the_page_says() -> None:
    policy = builtin_policy()
    tenant = policy.tenant("default")
    assert tenant is not None
    assert policy.tenants_for("any") == ("default",)
    assert [str(grant) for grant in tenant.allow.grants] == [
        "tool:fs.*",
        "tool:text.*",
        "tool:load_skill",
        "fs.read:**",
        "fs.write:**",
        "model:*",
    ]
    assert tenant.protected == ("**/.git/**",)
    assert (tenant.execution, tenant.lifetime) == (EXECUTION, LIFETIME)
    assert sorted(tenant.triggers) == [Trigger.BUDGET, Trigger.PROTECTED_PATH, Trigger.RISKY_TOOL]
    assert tenant.triggers[Trigger.BUDGET] == TriggerRule("modal", 86_400.0, "abort")
    assert (tenant.windows, tenant.ladder, tenant.loop) == (TENANT, Ladder(500, 750, 900, 1000), LoopRules())
    assert (tenant.answerers.people, policy.unpriced) == ((), False)
    assert (tenant.grantable.grants, tenant.guardrails) == ((), ())


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
        ("audit", True, "wrong_type"),
        ("audit/sign", "yes", "wrong_type"),
        ("audit/signed", True, "unknown_key"),
        ("secrets/allow_paths", "input", "wrong_type"),
        ("secrets/allow_paths", ["*"], "unsafe"),
        ("secrets/allow_paths", ["*.*[*]"], "unsafe"),
        ("secrets/allow_paths", [""], "wrong_value"),
        ("secrets/allow_paths", ["a" * 513], "wrong_value"),
        ("secrets/allow_paths", ["input.a"] * 257, "too_many"),
        ("unpriced", True, "wrong_value"),
        ("unpriced", "ignore", "wrong_value"),
        ("prices", "prices.yaml", "wrong_value"),
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
    document = changed("tenants/default/risk/high", "maybe") | {"version": 3, "guardrails": 1, "prices": "x"}
    assert sorted(problems_of(document)) == [
        ("wrong_type", "guardrails"),
        ("wrong_value", "prices"),
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


def test_the_published_schema_is_the_generated_one() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema()


def test_the_schema_takes_what_loads_and_refuses_what_does_not() -> None:
    check = jsonschema.Draft202012Validator(schema())
    check.check_schema(schema())
    assert check.is_valid(FULL)
    assert check.is_valid(builtin_policy().to_document())
    for path, value in (("guardrails", {}), ("tenants", {}), ("triggers/on_failure/on_timeout", "retry")):
        assert not check.is_valid(changed(path, value))


def test_a_file_of_prices_is_read_by_whoever_can() -> None:
    price = Price(1, 2, 3, 4)
    policy = parse_policy(changed("prices", "prices.yaml"), lambda name: {name: price})
    assert (policy.prices, policy.prices_file) == ({"prices.yaml": price}, "prices.yaml")
    again = parse_policy(policy.to_document())
    assert (again, again.digest, again.prices_file) == (policy, policy.digest, None)


def test_what_is_wrong_with_a_file_of_prices_is_told_with_the_rest() -> None:
    def broken(_: str) -> dict[str, Price]:
        raise DocumentError((Problem("unreadable", "cannot be read", file="prices.yaml"),))

    with pytest.raises(DocumentError) as caught:
        parse_policy(changed("prices", "prices.yaml") | {"version": 2}, broken)
    assert [(problem.code, problem.file) for problem in caught.value.problems] == [
        ("wrong_value", None),
        ("unreadable", "prices.yaml"),
    ]


def test_a_file_of_prices_is_models_and_what_they_cost() -> None:
    assert parse_prices({"m": {"input": 1, "output": 2}}) == {"m": Price(1_000, 2_000, 1_000, 1_000)}
    with pytest.raises(DocumentError) as caught:
        parse_prices({"m": {"input": 1}, "n": {"input": "free", "output": 1}})
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [
        ("missing", "m"),
        ("wrong_value", "n.input"),
    ]
