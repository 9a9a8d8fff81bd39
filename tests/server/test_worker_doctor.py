"""What the doctor finds, and what it says to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from temporalio.api.operatorservice.v1 import RemoveSearchAttributesRequest

from activities.blobs import DirectoryBlobs
from tests.support.runs import SEAL_KEY
from tests.support.signers import public_key
from worker.connect import Target, connect
from worker.doctor import Check, examine
from worker.namespace import prepare_namespace
from worker.run import warn_of_missing_attributes
from worker.settings import Flags

if TYPE_CHECKING:
    from worker.server import EmbeddedServer

NOWHERE = Target("127.0.0.1:1")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment whose every directory lies in one of its own."""
    (tmp_path / "work").mkdir()
    return {"HOME": str(tmp_path), "DETENT_WORKSPACE": str(tmp_path / "work"), "TEMPORAL_CONFIG_FILE": "/dev/null"}


async def found(env: dict[str, str], name: str, where: Target = NOWHERE) -> Check:
    """The first check of a name."""
    return next(check for check in await examine(Flags(), env, where) if check.name == name)


async def test_a_machine_without_a_server_is_fine_but_for_that(env: dict[str, str]) -> None:
    checks = await examine(Flags(), env, NOWHERE)
    assert [check.name for check in checks if not check.ok] == ["server"]


async def test_everything_is_looked_at(env: dict[str, str], temporal_server: EmbeddedServer, task_queue: str) -> None:
    checks = await examine(Flags(task_queue=task_queue), env, Target(temporal_server.address))
    names = {check.name for check in checks}
    assert {"packages", "server binary", "file confinement", "blobs", "policy", "tenants", "tools", "models"} <= names
    assert {check.name for check in checks if not check.ok} == {"worker"}


async def test_a_search_attribute_that_is_missing_comes_with_its_command(
    env: dict[str, str], temporal_server: EmbeddedServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = await connect(Target(temporal_server.address), DirectoryBlobs(tmp_path))
    await warn_of_missing_attributes(client)
    assert caplog.text == ""
    request = RemoveSearchAttributesRequest(namespace="default", search_attributes=["DetentCostUsd"])
    await client.operator_service.remove_search_attributes(request)
    try:
        check = await found(env, "search attributes", Target(temporal_server.address))
        await warn_of_missing_attributes(client)
    finally:
        await prepare_namespace(client)
    assert not check.ok
    assert check.remedy == "temporal operator search-attribute create --name DetentCostUsd --type Double"
    assert check.remedy in caplog.text


async def test_a_key_that_is_missing_is_advice(env: dict[str, str]) -> None:
    advice = [check for check in await examine(Flags(), env, NOWHERE) if check.name == "models" and check.remedy]
    assert all(check.ok for check in advice)
    assert {check.remedy for check in advice} == {"set ANTHROPIC_API_KEY where the worker runs"}


async def test_tenants_that_share_a_namespace_are_advisory(env: dict[str, str], tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("policy: x\nversion: 1\ntenants: {a: {}, b: {}}\n", encoding="utf-8")
    check = await found({**env, "DETENT_POLICY": str(policy)}, "tenants")
    assert check.ok
    assert "tenants are advisory" in check.message


async def test_tenants_whose_starts_are_signed_are_not(env: dict[str, str], tmp_path: Path) -> None:
    people = f"people: [{{id: ada, public_key: '{public_key('ada')}'}}]"
    tenants = "tenants: {a: {starters: [ada]}, b: {starters: [ada]}}"
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"policy: x\nversion: 1\n{tenants}\nanswerers: {{{people}}}\n", encoding="utf-8")
    check = await found({**env, "DETENT_POLICY": str(policy)}, "tenants")
    assert check.ok
    assert "advisory" not in check.message
    policy.write_text(policy.read_text().replace("b: {starters: [ada]}", "b: {}"), encoding="utf-8")
    assert "advisory" in (await found({**env, "DETENT_POLICY": str(policy)}, "tenants")).message


async def test_the_seal_key_is_looked_for(env: dict[str, str]) -> None:
    without = {name: value for name, value in env.items() if not name.startswith("DETENT_SEAL")}
    check = await found(without, "seal key")
    assert check.ok, "`detent dev` may run beside, and has its own"
    assert "`detent worker` does not start without" in check.message
    assert "openssl rand -base64 32" in (check.remedy or "")
    one = await found({**without, "DETENT_SEAL_KEY": SEAL_KEY}, "seal key")
    assert (one.ok, one.remedy) == (True, None)
    assert SEAL_KEY not in one.message
    two = await found({**without, "DETENT_SEAL_KEY": SEAL_KEY, "DETENT_SEAL_KEY_PREVIOUS": "B" * 43 + "="}, "seal key")
    assert "still believed" in two.message
    broken = await found({**without, "DETENT_SEAL_KEY": "x"}, "operator files")
    assert not broken.ok


async def test_a_namespace_without_a_tenant_is_wrong(env: dict[str, str], tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("policy: x\nversion: 1\ntenants: {a: {namespaces: [other]}}\n", encoding="utf-8")
    check = await found({**env, "DETENT_POLICY": str(policy)}, "tenants")
    assert not check.ok
    assert check.remedy is not None


async def test_a_broken_policy_is_shown_with_its_places(env: dict[str, str], tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("policy: x\nversion: 1\ntenants: {a: {allowed: []}}\n", encoding="utf-8")
    check = await found({**env, "DETENT_POLICY": str(policy)}, "operator files")
    assert not check.ok
    assert f"{policy}:3:" in check.message


async def test_a_policy_in_the_workspace_is_advice(env: dict[str, str], tmp_path: Path) -> None:
    policy = tmp_path / "work" / "policy.yaml"
    policy.write_text("policy: x\nversion: 1\ntenants: {a: {}}\n", encoding="utf-8")
    check = await found({**env, "DETENT_POLICY": str(policy)}, "operator files")
    assert check.ok
    assert "file tools refuse to write them" in check.message


async def test_settings_that_do_not_hold_are_told_first(env: dict[str, str]) -> None:
    check = await found({**env, "DETENT_MODELS": "/nowhere/models.yaml"}, "settings")
    assert not check.ok


async def test_blobs_that_cannot_be_written_are_told(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    check = await found({**env, "DETENT_BLOBS": str(tmp_path / "file" / "blobs")}, "blobs")
    assert not check.ok
    assert "DETENT_BLOBS" in (check.remedy or "")
