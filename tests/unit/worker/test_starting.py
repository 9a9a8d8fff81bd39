"""A signed start counts only with a key that holds, of somebody whom the policy names."""

from __future__ import annotations

import pytest
from temporalio.exceptions import ApplicationError

from activities.starting import find_starter
from policies.canonical import digest
from policies.document import parse_policy
from policies.signing import start_bytes
from policies.tenant import TenantPolicy
from tests.support.signers import public_key, signature
from tests.unit.policies.documents import PEOPLE, small
from workflows.contracts.run import RunInput, Starter, StarterCard

AT, AT_MS = "2026-01-01T00:00:00+00:00", 1_767_225_600_000


def tenant(starters: object, **parts: object) -> TenantPolicy:
    tenants = {"default": {"starters": starters}}
    return parse_policy(small(tenants=tenants, answerers={"people": PEOPLE}, **parts)).tenants["default"]


def started(by: str) -> RunInput:
    graph: dict[str, object] = {"graph": "g"}
    said = start_bytes(
        namespace="default",
        workflow_id="default/g/k",
        graph_digest=digest(graph),
        input_digest=digest(None),
        by=by,
        issued_at=AT,
    )
    return RunInput(graph=graph, starter=Starter(by=by, issued_at=AT, signature=signature(by, said)))


def starter(run: RunInput, policy: TenantPolicy) -> StarterCard | None:
    return find_starter(run, policy, namespace="default", workflow_id="default/g/k", started_ms=AT_MS)


@pytest.mark.parametrize("starters", [None, ["any"], ["ada"], ["person:ada"], ["role:lead"], ["bob", "role:lead"]])
def test_whoever_is_named_may_start(starters: object) -> None:
    assert starter(started("ada"), tenant(starters)) == StarterCard(id="ada", assurance="signed")


@pytest.mark.parametrize("starters", [["bob"], ["role:operator"]])
def test_whoever_is_not_named_may_not_start(starters: object) -> None:
    others = tenant(starters)
    assert starter(started("bob"), others) is not None
    if starters == ["bob"]:
        with pytest.raises(ApplicationError, match="`ada` may not start runs"):
            starter(started("ada"), others)


@pytest.mark.parametrize("revoked", [public_key("ada"), "ada"])
def test_a_revoked_key_starts_nothing(revoked: str) -> None:
    assert starter(started("ada"), tenant(["any"])) is not None
    with pytest.raises(ApplicationError, match="no public key that holds"):
        starter(started("ada"), tenant(["any"], revoked=[revoked]))


def test_an_unsigned_start_is_refused_where_it_must_be_signed() -> None:
    with pytest.raises(ApplicationError, match="takes signed starts only"):
        starter(RunInput(graph={"graph": "g"}), tenant(["any"]))
    assert starter(RunInput(graph={"graph": "g"}), tenant(None)) is None
