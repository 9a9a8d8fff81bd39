"""Standing approvals: kept when the edge has believed them, read by new runs, ended by expiry and revocation."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.approvals import (
    keep_approval,
    kept_approvals,
    read_approvals,
    read_revoked,
    revoke,
    scene_of,
    standing,
)
from activities.blobs import DirectoryBlobs
from activities.permits import Scene
from activities.ports import BlobError
from policies.document import PolicyDocument
from policies.model import Trigger
from policies.people import Answerers, Approvals, Person
from policies.tenant import TenantPolicy
from policies.triggers import TriggerRule
from tests.support.cards import run_card
from tests.support.signers import public_key
from tests.unit.tools.calls import HERE, NOW_MS, TOOLS, Caller, policy
from tests.unit.tools.evidence import ISSUED, asked_about, permit_of, signed_answer
from workflows.contracts.calls import Call, Permit
from workflows.contracts.run import StarterCard, ToolCard

RISKY = Trigger.RISKY_TOOL
MONTH = "2026-10-20T00:00:00Z"
PEOPLE = tuple(Person(name, ("operator",), public_key(name)) for name in ("ada", "bob"))


def document(**fields: Any) -> PolicyDocument:
    given = policy(risk={"low": "ask"})
    changes = {
        "answerers": Answerers(require_signature=True, people=PEOPLE),
        "triggers": {RISKY: TriggerRule(answerers=("role:operator",))},
        "approvals": Approvals(tenant=True),
        **fields,
    }
    tenant = dataclasses.replace(given.tenants["default"], **changes)
    return dataclasses.replace(given, tenants={"default": tenant})


def slice_of(**fields: Any) -> TenantPolicy:
    return document(**fields).tenants["default"]


def card() -> ToolCard:
    tool = TOOLS.get("fs.read")
    assert tool is not None
    return tool.card


def approved(path: str = "a.txt", until: str = MONTH, **asked: object) -> Call:
    """A call that somebody approved for the whole tenant."""
    call = Caller(Path(), document()).call("fs.read", {"path": path})
    question = {**asked_about(call, card(), document(), RISKY.value), **asked}
    answer = signed_answer(question, scope="tenant", expires_at=until, issued_at=ISSUED)
    return call.model_copy(update={"permit": permit_of(question, [answer], scope="tenant")})


async def found(blobs: DirectoryBlobs, tenant: TenantPolicy | None = None, **more: Any) -> tuple[Permit, ...]:
    return await read_approvals(blobs, tenant or slice_of(), **{"namespace": "default", "now_ms": NOW_MS, **more})


@pytest.fixture(name="blobs")
def make_blobs(tmp_path: Path) -> DirectoryBlobs:
    (tmp_path / "a.txt").write_text("a")
    return DirectoryBlobs(tmp_path / "blobs")


async def test_an_approval_is_kept_and_later_runs_begin_with_it(blobs: DirectoryBlobs, tmp_path: Path) -> None:
    call = approved()
    assert call.permit is not None
    await keep_approval(blobs, call, HERE)
    await keep_approval(blobs, call, HERE)
    (again,) = await found(blobs)
    assert again == call.permit
    assert (tmp_path / "blobs" / "approvals" / "default" / call.permit.digest).is_file()
    elsewhere = dataclasses.replace(HERE, workflow_id="default/g/another")
    later = Caller(tmp_path, document(), permit=again, scene=elsewhere)
    assert (await later("fs.read", path="a.txt"))["text"] == "a"
    assert (await later("fs.read", path="a.txt", limit=1))["text"] == "a"
    (tmp_path / "b.txt").write_text("b")
    assert "did not need" in (await later.fails("fs.read", path="b.txt")).message
    other = dataclasses.replace(later, scene=dataclasses.replace(HERE, workflow_id="other/g/k"))
    assert (await other.fails("fs.read", path="a.txt")).details[0]["rule"] == "tenant.namespace"


async def test_only_an_approval_for_the_tenant_is_kept_and_only_by_the_run_that_asked(blobs: DirectoryBlobs) -> None:
    once = approved()
    assert once.permit is not None
    await keep_approval(blobs, once.model_copy(update={"permit": None}), HERE)
    await keep_approval(
        blobs, once.model_copy(update={"permit": once.permit.model_copy(update={"scope": "run"})}), HERE
    )
    await keep_approval(blobs, once, dataclasses.replace(HERE, workflow_id="default/g/other"))
    assert await kept_approvals(blobs, "default") == ()


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({}, {"now_ms": NOW_MS + 40 * 86_400_000}),
        ({}, {"namespace": "other"}),
        ({"approvals": Approvals()}, {}),
        ({"approvals": Approvals(tenant=True, max_s=3600)}, {}),
        ({"revoked": ("ada",)}, {}),
        ({"revoked": (public_key("ada"),)}, {}),
        ({"answerers": Answerers(require_signature=True, people=PEOPLE[1:])}, {}),
        ({"triggers": {RISKY: TriggerRule(answerers=("role:boss",))}}, {}),
        ({"triggers": {RISKY: TriggerRule(quorum=2)}}, {}),
    ],
)
async def test_an_approval_holds_no_longer(
    blobs: DirectoryBlobs, changes: dict[str, Any], more: dict[str, Any]
) -> None:
    await keep_approval(blobs, approved(), HERE)
    assert len(await found(blobs)) == 1
    assert await found(blobs, slice_of(**changes), **more) == ()


@pytest.mark.parametrize("what", ["ada", public_key("ada"), "digest", "short"])
async def test_a_revoked_approval_is_neither_read_nor_believed(
    blobs: DirectoryBlobs, tmp_path: Path, what: str
) -> None:
    call = approved()
    assert call.permit is not None
    await keep_approval(blobs, call, HERE)
    digest = call.permit.digest
    await revoke(blobs, "default", {"digest": digest, "short": digest[:16]}.get(what, what), by="bob", at=ISSUED)
    assert await found(blobs) == ()
    assert len(await kept_approvals(blobs, "default")) == 1
    where = dataclasses.replace(HERE, revoked=await read_revoked(blobs, "default"))
    late = Caller(tmp_path, document(), permit=call.permit, scene=where)
    assert "revoked" in (await late.fails("fs.read", path="a.txt")).message
    assert await Caller(tmp_path, document(), permit=call.permit)("fs.read", path="a.txt")


async def test_whoever_may_not_answer_for_its_own_run_does_not_by_an_old_answer(blobs: DirectoryBlobs) -> None:
    strict = slice_of(triggers={RISKY: TriggerRule(not_starter=True)})
    await keep_approval(blobs, approved(starter={"id": "bob", "assurance": "signed"}), HERE)
    assert len(await found(blobs, strict)) == 1
    assert len(await found(blobs, strict, starter=StarterCard(id="carl", assurance="signed"))) == 1
    assert await found(blobs, strict, starter=StarterCard(id="ada", assurance="signed")) == ()


async def test_a_forged_or_damaged_record_is_no_approval(blobs: DirectoryBlobs, tmp_path: Path) -> None:
    call = approved()
    assert call.permit is not None
    await keep_approval(blobs, call, HERE)
    place = tmp_path / "blobs" / "approvals" / "default"
    (place / ("0" * 64)).write_bytes((place / call.permit.digest).read_bytes())
    (place / ("1" * 64)).write_bytes(b"{")
    (place / "README").write_text("no record")
    assert await found(blobs) == (call.permit,)
    forged = call.permit.model_copy(update={"answers": ({**call.permit.answers[0], "by": "bob"},)})
    await blobs.record("approvals/default", call.permit.digest, forged.model_dump_json().encode())
    assert await found(blobs) == ()


async def test_a_damaged_revocation_lets_nothing_pass(blobs: DirectoryBlobs, tmp_path: Path) -> None:
    await revoke(blobs, "default", "ada", by="bob", at=ISSUED)
    (record,) = (tmp_path / "blobs" / "revoked" / "default").iterdir()
    info = dataclasses.replace(ActivityEnvironment().info, workflow_id="default/g/k")
    for data in (b"{", b"{}", b'{"what":"bob"}'):
        record.write_bytes(data)
        with pytest.raises(BlobError, match="is damaged"):
            await read_revoked(blobs, "default")
        with pytest.raises(ApplicationError, match="cannot be read") as caught:
            await scene_of(blobs, approved(), info)
        assert not caught.value.non_retryable


async def test_only_evidence_needs_to_know_what_is_revoked(blobs: DirectoryBlobs) -> None:
    info = dataclasses.replace(ActivityEnvironment().info, workflow_id="default/g/k")
    await revoke(blobs, "default", "ada", by="bob", at=ISSUED)
    bare = approved().model_copy(update={"permit": None})
    assert (await scene_of(blobs, bare, info)).revoked == ()
    first = await scene_of(blobs, approved(), info)
    assert first.revoked == ("ada",)
    assert first.now_ms > NOW_MS
    again = await scene_of(blobs, approved(), dataclasses.replace(info, attempt=2))
    assert again == Scene("default", "default/g/k", round(info.scheduled_time.timestamp() * 1000), ("ada",))


async def test_a_run_begins_with_the_approvals_of_its_own_tools(blobs: DirectoryBlobs) -> None:
    call = approved(until="2035-01-01T00:00:00Z")  # the clock is the real one here
    await keep_approval(blobs, call, HERE)
    tenant = slice_of(approvals=Approvals(tenant=True, max_s=10 * 365 * 86_400))
    with_tool = run_card()
    assert await standing(blobs, "default")(tenant, with_tool) == (call.permit,)
    assert await standing(blobs, "default")(tenant, with_tool.model_copy(update={"tools": {}})) == ()


@pytest.mark.parametrize("folder", ["approvals", "approvals/..", "approvals/a/b", "sha256/ab", "approvals/A", "/etc"])
async def test_no_path_comes_from_outside(blobs: DirectoryBlobs, folder: str) -> None:
    with pytest.raises(BlobError, match="no folder"):
        await blobs.record(folder, "0" * 64, b"x")
    with pytest.raises(BlobError, match="no folder"):
        await blobs.records(folder)


async def test_a_record_has_a_digest_for_its_name(blobs: DirectoryBlobs) -> None:
    with pytest.raises(BlobError, match="no digest"):
        await blobs.record("approvals/default", "../../x", b"x")
    await blobs.record("approvals/default", "0" * 64, b"x")
    await blobs.record("approvals/default", "0" * 64, b"y")
    assert await blobs.records("approvals/default") == {"0" * 64: b"y"}
    assert await blobs.records("approvals/other") == {}
