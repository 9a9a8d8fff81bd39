"""What a worker tells a run, and which runs it does not admit."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.admit import Admission, Offer
from activities.seal import SealKeys
from activities.tools.registry import BUILTIN
from policies.document import PolicyDocument, builtin_policy, parse_policy
from policies.tenant import TenantPolicy
from workflows.contracts.failures import FailureType
from workflows.contracts.run import ModelCard, PriceCard, RunCard

GRAPH: dict[str, Any] = {
    "graph": "copy",
    "version": "1.0.0",
    "input": {"type": "object", "required": ["path"], "properties": {"path": {"type": "string"}}},
    "capabilities": [{"tool": ["fs.read"]}, {"fs.read": ["**"]}],
    "start": "read",
    "nodes": {"read": {"kind": "tool", "tool": "fs.read", "with": {"path": "${input.path}"}, "next": "end"}},
}
TWO_TENANTS = {
    "policy": "two",
    "version": 1,
    "tenants": {"acme": {"namespaces": ["default"]}, "other": {"namespaces": ["elsewhere"]}},
}


def admission(policy: PolicyDocument | None = None) -> Admission:
    price = PriceCard(input=1, output=1)
    models = {
        alias: ModelCard(alias=alias, provider="scripted", model="m", max_tokens=9, context=99, price=price, digest="d")
        for alias in ("default", "spare")
    }
    tools = {tool.name: tool.card for tool in BUILTIN}
    return Admission(Offer(policy or builtin_policy(), "default", "detent", tools, models), SealKeys(bytes(32)))


def started(**changes: Any) -> dict[str, Any]:
    return {"v": 1, "graph": GRAPH, "input": {"path": "a.txt"}, **changes}


def admitted(raw: object = None, workflow_id: str = "default/copy/k", policy: PolicyDocument | None = None) -> RunCard:
    return admission(policy).card(started() if raw is None else raw, workflow_id)


def refused(
    raw: object = None, workflow_id: str = "default/copy/k", policy: PolicyDocument | None = None
) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        admitted(raw, workflow_id, policy)
    assert caught.value.non_retryable
    return caught.value


def test_a_card_has_what_the_graph_names_and_nothing_else() -> None:
    card = admitted()
    assert list(card.tools) == ["fs.read"]
    assert card.models == {}
    assert card.tenant == "default"
    assert card.expressions.startswith("cel-expr-python/")


def test_a_cards_policy_is_the_tenants_slice_with_its_digest() -> None:
    card = admitted()
    found = TenantPolicy.from_document(card.policy)
    assert found == builtin_policy().tenants["default"]
    assert found.digest == card.policy_digest


async def test_the_activity_gives_what_the_workflow_reads() -> None:
    assert RunCard.model_validate(admitted().model_dump(mode="json", exclude_defaults=True)) == admitted()


def test_a_graph_asks_for_less_and_is_told_when_it_asks_for_more() -> None:
    graph = {**GRAPH, "budget": {"tokens": 10**9, "steps": 1}}
    (warning,) = admitted(started(graph=graph)).warnings
    assert warning == "budget.tokens: the graph asks for 1,000,000,000, the policy gives 100,000: clipped"


@pytest.mark.parametrize("field", ["policy", "ledger", "grants", "catalogue", "card", "rights"])
def test_what_only_the_worker_gives_is_forged(field: str) -> None:
    error = refused(started(**{field: None}))
    assert error.type == FailureType.FORGED_INPUT
    assert f"`{field}`" in error.message


@pytest.mark.parametrize("field", ["root", "parent", "path", "depth", "ceiling", "limits", "forked_from", "prefix"])
def test_fields_of_later_versions_are_refused_while_not_null(field: str) -> None:
    admitted(started(**{field: None}))
    assert refused(started(**{field: 1})).type == FailureType.FORGED_INPUT


def test_a_forged_carry_is_refused() -> None:
    assert refused(started(carry={"card": {}, "snapshot": {}})).type == FailureType.FORGED_INPUT


def test_a_tenant_must_be_served_here() -> None:
    policy = parse_policy(TWO_TENANTS)
    assert admitted(workflow_id="acme/copy/k", policy=policy).tenant == "acme"
    error = refused(workflow_id="other/copy/k", policy=policy)
    assert error.type == FailureType.TENANT_NOT_ALLOWED
    assert "the policy has `acme` here" in error.message


def test_a_tenant_cannot_be_claimed_beside_the_id() -> None:
    policy = parse_policy(TWO_TENANTS)
    assert refused(started(tenant="other"), "acme/copy/k", policy).type == FailureType.TENANT_NOT_ALLOWED


@pytest.mark.parametrize("workflow_id", ["default/other/k", "default/copy", "default/copy/", "default//k"])
def test_an_id_must_name_tenant_graph_and_key(workflow_id: str) -> None:
    error = refused(workflow_id=workflow_id)
    assert error.type == FailureType.INVALID_DOCUMENT
    assert "not of the form `tenant/copy/key`" in error.message


def test_input_is_checked_against_the_graphs_schema() -> None:
    error = refused(started(input={"path": 3}))
    assert error.type == FailureType.INVALID_DOCUMENT
    assert error.details[0][0]["path"] == "input"


def test_all_problems_of_a_graph_come_at_once_as_data() -> None:
    nodes = {"read": {"kind": "tool", "tool": "web.fetch", "with": {}, "next": "nowhere"}}
    error = refused(started(graph={**GRAPH, "nodes": nodes}))
    assert error.type == FailureType.INVALID_DOCUMENT
    (problems,) = error.details
    assert len(problems) > 1
    assert {"code", "message", "path", "suggestion"} <= problems[0].keys()


@pytest.mark.parametrize(
    "raw", [None, 1, "x", [], {}, {"graph": []}, {"graph": {}, "v": "x"}, {"graph": {"a": float("nan")}}]
)
def test_whatever_else_is_sent_is_refused_by_name(raw: object) -> None:
    with pytest.raises(ApplicationError) as caught:
        admission().card(raw, "default/copy/k")
    assert caught.value.type == FailureType.INVALID_DOCUMENT


def test_a_newer_input_is_left_to_a_newer_worker() -> None:
    assert "update the worker" in refused(started(v=2)).details[0][0]["suggestion"]


TOKEN = "ghp_" + "a1B2" * 9


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ({"input": {"path": TOKEN}}, "input.path"),
        ({"graph": {**GRAPH, "description": f"uses {TOKEN}"}}, "graph.description"),
        ({"input": {"path": "a", "password": "long enough to tell"}}, "input.password"),
    ],
)
def test_what_looks_like_a_secret_is_refused_by_its_place_alone(raw: dict[str, Any], path: str) -> None:
    error = refused(started(**raw))
    assert error.type == FailureType.SECRET_FOUND
    assert f"`{path}`" in error.message
    told = f"{error.message} {error.details}"
    assert TOKEN not in told
    assert "long enough" not in told


def test_a_path_that_the_policy_exempts_is_let_pass_and_told() -> None:
    document = {"policy": "p", "version": 1, "tenants": {"default": {}}, "secrets": {"allow_paths": ["input.path"]}}
    card = admitted(started(input={"path": TOKEN}), policy=parse_policy(document))
    assert "secrets: `input.path` (github token) is let pass by the policy" in card.warnings


def test_a_graph_is_checked_once() -> None:
    worker = admission()
    worker.card(started(), "default/copy/1")
    worker.card(started(), "default/copy/2")
    assert len(worker._checked) == 1


def test_remembered_graphs_do_not_grow_without_end() -> None:
    worker = admission()
    for number in range(200):
        worker.card(started(graph={**GRAPH, "description": f"number {number}"}), "default/copy/k")
    assert len(worker._checked) <= 128
