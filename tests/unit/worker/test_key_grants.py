"""A key travels to its provider's own host, and elsewhere only where the policy says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.models.catalogue import Catalogue, load_catalogue
from policies.document import PolicyDocument, parse_policy
from policies.errors import DocumentError
from tests.support.calls import attempt, call, reach
from worker.key_grants import check_key_grants

PRICE = "price: {input: 1, output: 1}"
HOME = f"models: {{default: {{provider: anthropic, model: m, {PRICE}}}}}"
PROXY = (
    "models: {default: {provider: anthropic, model: m, base_url: 'http://127.0.0.1:1', api_key: env:PROXY_KEY, "
    f"{PRICE}}}}}"
)
GRANT = {"env": [{"name": "PROXY_KEY", "hosts": ["127.0.0.1"]}]}


def catalogue(root: Path, text: str) -> Catalogue:
    (root / "models.yaml").write_text(text, encoding="utf-8")
    return load_catalogue(root / "models.yaml", None, environ={"PROXY_KEY": "k" * 20})


def policy(*grants: dict[str, Any], **more: Any) -> PolicyDocument:
    tenant = {"allow": [{"model": ["*"]}, *grants], **more}
    return parse_policy({"policy": "p", "version": 1, "tenants": {"default": tenant}})


def refused(found: Catalogue, of: PolicyDocument) -> str:
    with pytest.raises(DocumentError) as caught:
        check_key_grants(found, of, "default", "detent")
    return str(caught.value)


def test_a_provider_gets_its_own_key(tmp_path: Path) -> None:
    check_key_grants(catalogue(tmp_path, HOME), policy(), "default", "detent")


@pytest.mark.parametrize(
    "grant",
    [
        None,
        {"env": [{"name": "OTHER", "hosts": ["127.0.0.1"]}]},
        {"env": [{"name": "PROXY_KEY", "hosts": ["api.example.org"]}]},
        {"env": [{"name": "PROXY_KEY"}]},
        {"net": ["127.0.0.1"]},
    ],
)
def test_another_key_goes_nowhere_by_itself(tmp_path: Path, grant: dict[str, Any] | None) -> None:
    said = refused(catalogue(tmp_path, PROXY), policy(*([grant] if grant else [])))
    assert "models.default.api_key: `env:PROXY_KEY` may not be sent to `127.0.0.1`" in said
    assert "add `env: [{name: PROXY_KEY, hosts: [127.0.0.1]}]` to a tenant's `allow`" in said


def test_a_grant_of_name_and_host_lets_it_go(tmp_path: Path) -> None:
    check_key_grants(catalogue(tmp_path, PROXY), policy(GRANT), "default", "detent")


def test_a_denial_of_the_name_wins(tmp_path: Path) -> None:
    assert refused(catalogue(tmp_path, PROXY), policy(GRANT, deny=[{"env": [{"name": "PROXY_KEY"}]}]))


@pytest.mark.parametrize("name", ["DETENT_SEAL_KEY", "DETENT_SEAL_KEY_PREVIOUS", "DETENT_ANYTHING"])
def test_our_own_settings_are_no_providers_key(tmp_path: Path, name: str) -> None:
    with pytest.raises(DocumentError, match="a setting of Detent's own, and goes nowhere"):
        catalogue(tmp_path, PROXY.replace("PROXY_KEY", name))


async def test_the_edge_asks_the_tenant_that_calls(tmp_path: Path) -> None:
    """A worker starts if one tenant may send the key; another one's calls are refused all the same."""
    found = catalogue(tmp_path, PROXY)
    entry = found.get("default")
    assert entry is not None
    args = {"alias": "default", "model": "m", "messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    made = call("default", {**args, "max_tokens": 10}, entry.card.digest, "model")
    for of, lets in ((policy(), False), (policy(GRANT), True)):
        with pytest.raises(ApplicationError) as caught:
            await attempt(reach(tmp_path, policy=of, catalogue=found), made, activity_type="model.anthropic")
        named = "`env: PROXY_KEY@127.0.0.1`" in caught.value.message or "PROXY_KEY@127.0.0.1" in caught.value.message
        assert named is not lets, caught.value.message
