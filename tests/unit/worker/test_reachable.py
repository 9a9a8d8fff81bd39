"""What a run reaches: all that its history names, and all that stands behind that; nothing of anybody else."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import ExternalStorage

from activities.blobs import DirectoryBlobs
from activities.blobs_names import claim_name, content_name
from activities.claim_keys import begun_key, effect_key, unbilled_key
from activities.models.retries import begin, vouch
from activities.once import claim_effect
from activities.transcripts import Transcript, Transcripts
from tests.support.calls import call as call_of
from tests.support.pictures import png
from tests.support.written_histories import history
from worker.connect import converter
from worker.reachable import Reached, Reaching
from worker.sweep import clear
from workflows.contracts.calls import Call
from workflows.contracts.conversation import Content, Message, Part, Ref, ToolAnswer

if TYPE_CHECKING:
    from pathlib import Path

TENANT = "default"


@pytest.fixture(name="store")
def make_store(tmp_path: Path) -> DirectoryBlobs:
    return DirectoryBlobs(tmp_path / "blobs")


async def reached_by(
    store: DirectoryBlobs, *calls: Any, tenant: str = TENANT, more: tuple[Payload, ...] = ()
) -> Reached:
    reached = Reached()
    await Reaching(store, reached).follow(history([(one, None) for one in calls], *more), tenant, "run-1")
    return reached


def wire(ref: Ref | None) -> dict[str, object]:
    assert ref is not None
    return ref.model_dump(mode="json")


def place(ref: Ref | None) -> str:
    assert ref is not None
    return content_name(ref.digest, TENANT)


async def test_a_conversation_is_reached_by_its_last_segment_with_all_that_it_refers_to(store: DirectoryBlobs) -> None:
    transcripts = Transcripts(store)
    said = Transcript()
    texts = []
    for number in range(70):
        texts.append(await transcripts.keep(f"{number}".encode() * 300, TENANT))
        said = await transcripts.append(said, [Message(role="user", content=(Part(ref=texts[-1]),))], tenant=TENANT)
    unreached = await transcripts.keep(b"nobody's", TENANT)
    reached = await reached_by(store, {"args": {"transcript": wire(said.ref)}})
    names = {content_name(digest, TENANT) for digest in said.segments} | {place(text) for text in texts}
    assert reached.sizes.keys() == names
    assert place(unreached) not in names
    assert sum(size or 0 for size in reached.sizes.values()) == said.stored_bytes + sum(t.size_bytes for t in texts)
    assert reached.lost == set()


async def test_images_are_reached_in_a_result_and_in_a_segment(store: DirectoryBlobs) -> None:
    transcripts = Transcripts(store)
    first, second = await transcripts.keep(png(1, 1), TENANT), await transcripts.keep(png(2, 2), TENANT)
    shown = ToolAnswer(id="c1", content=(Part(text="`a`"), Part(ref=first, media="image/png")))
    said = await transcripts.begin([Message(role="user", results=(shown,))], tenant=TENANT)
    content = Content(text="`b`", ref=second, media="image/png").model_dump(mode="json")
    reached = await reached_by(store, {"args": {"transcript": wire(said.ref)}}, {"content": content})
    assert reached.sizes.keys() == {place(said.ref), place(first), place(second)}
    assert reached.lost == set()


async def test_a_large_payload_is_reached_with_what_stands_in_it(store: DirectoryBlobs) -> None:
    kept = await Transcripts(store).keep(b"x" * 600, TENANT)
    (stored,) = await converter(store).encode([{"pad": "x" * 100_000, "ref": wire(kept)}])
    reached = await reached_by(store, more=(stored,))
    (large,) = [found.name async for found in store.listing("sha256/")]
    assert reached.sizes.keys() == {large, place(kept)}


async def test_what_is_missing_makes_its_tenant_doubtful(store: DirectoryBlobs) -> None:
    ref = Ref(uri=f"blob:{TENANT}/{'ab' * 32}", digest="ab" * 32, size_bytes=1)
    reached = await reached_by(store, {"args": {"transcript": wire(ref)}})
    assert reached.lost == {TENANT}
    assert reached.sizes == {place(ref): None}


async def test_words_of_one_tenant_keep_nothing_of_another_s(store: DirectoryBlobs) -> None:
    await store.claim("cd" * 32, "me")
    theirs = await Transcripts(store).keep(b"their plan", "acme")
    reached = await reached_by(store, {"args": {"text": f"see blob:{TENANT}/{'ab' * 32}"}})
    assert (reached.lost, reached.payload_lost) == ({TENANT}, False)
    old = [found async for found in store.listing()]
    done = await clear(store, old, reached, time.time() + 1, dry_run=True)
    assert set(done.removed) == {claim_name("cd" * 32), content_name(theirs.digest, "acme")}


async def test_words_about_another_tenant_lead_nowhere(store: DirectoryBlobs) -> None:
    theirs = await Transcripts(store).keep(b"their plan", "acme")
    for tenant in (TENANT, "defaul", "default-two", "not a tenant!", ""):
        reached = await reached_by(store, {"args": {"text": f"see blob:acme/{theirs.digest}"}}, tenant=tenant)
        assert (reached.sizes, reached.lost) == ({}, set())
    assert (await reached_by(store, {"args": {"ref": wire(theirs)}}, tenant="acme")).sizes


async def test_payloads_of_other_programs_are_let_alone(store: DirectoryBlobs, tmp_path: Path) -> None:
    data = converter(DirectoryBlobs(tmp_path / "elsewhere"))
    assert isinstance(data.external_storage, ExternalStorage)
    (stored,) = await data.encode(["x" * 100_000])
    stored.data = stored.data.replace(b'"detent"', b'"other"')
    reached = await reached_by(store, more=(stored,))
    assert (reached.sizes, reached.lost) == ({}, set())


async def test_claims_of_a_run_s_calls_are_its_own(store: DirectoryBlobs) -> None:
    made = call_of("pay", {"usd": 1}, "", key=hashlib.sha256(b"1").hexdigest(), generation=2)
    call = Call.model_validate(made)
    await claim_effect(store, call, "me")
    await begin(store, call, "run-1", 3)
    await vouch(store, call, 3)
    stored = {found.name async for found in store.listing("claims/")}
    assert len(stored) == 3
    reached = await reached_by(store, made)
    assert stored <= reached.claims
    keys = (effect_key(call.key, 2), begun_key(call.key, 2, "run-1", 3), unbilled_key(call.key, 2, 3))
    assert {claim_name(key) for key in keys} == stored
    for other in ({**made, "key": "0" * 64}, {**made, "generation": 1}, {"key": "x"}, [1], "text"):
        assert stored.isdisjoint((await reached_by(store, other)).claims)
