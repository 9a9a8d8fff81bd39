"""A policy that says something at every key, and ways to change it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from policies.document import parse_policy
from policies.errors import DocumentError
from tests.support.signers import public_key

PEOPLE: list[dict[str, object]] = [
    {"id": "ada", "roles": ["operator", "lead"], "public_key": public_key("ada")},
    {"id": "bob", "roles": ["operator"], "public_key": public_key("bob")},
    {"id": "cyd@example.org", "roles": ["auditor"]},
]
DIGEST = "0123456789abcdef" * 4
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
            "grantable": [{"net": [".example.org"]}],
            "protected": ["**/.git/**"],
            "budgets": {
                "execution": {"tokens": 10000, "cost_usd": 1, "wall_clock": "300s"},
                "lifetime": {"tokens": 5, "cost_usd": 0.25, "steps": None, "wall_clock": "1500ms", "depth": None},
                "tenant": [{"tokens": 500, "per": "minute"}, {"cost_usd": 20, "tool_calls": 9, "per": "month"}],
                "ladder": {"warn": 0.4, "downshift": None, "ask": 0.875},
                "downshift": {"large": "default", "default": "small"},
                "max_raise": {"cost_usd": 20, "steps": 50},
            },
            "risk": {"low": "auto", "high": "ask", "critical": "deny", "tools": {"shell.*": "critical"}},
            "loop_guard": {"same_call": {"warn": None}, "same_result": None, "ping_pong": 8, "polling_factor": 2},
            "starters": ["role:operator", "person:ada"],
        },
        "other": {"budgets": {"tenant": None, "ladder": None}, "loop_guard": None, "starters": ["any"]},
        "third": {},
    },
    "guardrails": [
        {"id": "many-tokens", "scope": "lifetime", "when": "sum(tokens_used) > 90000", "then": "pause_lifetime"},
        {
            "id": "no_leak",
            "scope": "execution",
            "when": "'external' in seen.labels && capability.kind == 'net'",
            "then": "deny",
            "message": "${execution.name} may not reach ${capability.value} any more.",
            "repeat": True,
        },
    ],
    "triggers": {
        "on_risky_tool": {
            "ui": "modal",
            "deadline": "1h",
            "on_timeout": "escalate",
            "answerers": ["role:operator", "not_starter"],
            "quorum": 2,
            "escalate": {"answerers": ["ada"], "deadline": "1d", "on_timeout": "abort"},
        },
        "on_protected_path": {},
        "on_capability": {"answerers": ["role:lead"]},
        "on_failure": {"ui": "toast", "deadline": None, "on_timeout": "skip"},
        "on_human_node": {"on_timeout": "approve", "escalate": {"answerers": ["role:lead"]}},
    },
    "answerers": {"require_signature": True, "people": PEOPLE},
    "controls": {"pause": "operator", "steer": "role:lead", "cancel_call": "any"},
    "approvals": {"tenant": "allow", "max": "7d"},
    "revoked": [DIGEST],
    "audit": {"sign": True},
    "secrets": {"allow_paths": ["graph.nodes.*.with.token", "input.password"]},
    "prices": {"qwen3": {"input": 0.5, "output": 1, "cache_read": "0.05", "cache_write": 1}},
    "unpriced": "allow",
}


def changed(path: str, value: object, document: dict[str, Any] = FULL) -> dict[str, Any]:
    """The example with one value set, or taken out where it is `...`."""
    made = copy.deepcopy(document)
    *above, last = path.split("/")
    place: Any = made
    for key in above:
        place = place[int(key) if key.isdigit() else key]
    if value is ...:
        del place[last]
    else:
        place[int(last) if last.isdigit() else last] = value
    return made


def problems_of(document: object) -> list[tuple[str, str]]:
    """Code and path of everything that is wrong with a document."""
    with pytest.raises(DocumentError) as caught:
        parse_policy(document)
    return [(problem.code, problem.path) for problem in caught.value.problems]


def small(**parts: object) -> dict[str, Any]:
    """A policy that says nothing but these parts."""
    return {"policy": "small", "version": 1, "tenants": {"default": {}}, **parts}


def budgets(**parts: object) -> dict[str, Any]:
    """A policy that says nothing but these budgets."""
    return small(tenants={"default": {"budgets": parts}})
