"""Conversations are kept once, found again whole, and never told to another tenant."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from activities.blobs import DirectoryBlobs
from activities.ports import BlobDamaged, BlobError, BlobMissing, Stored
from activities.transcripts import Transcript, Transcripts
from workflows.contracts.conversation import MEDIA_TOKENS, Message, Part, Ref, ToolAnswer, ToolUse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TEXT = "a tool said this. "


class Counted(DirectoryBlobs):
    """A directory that counts what is read in it."""

    reads = 0

    async def get(self, digest: str, tenant: str | None = None) -> bytes:
        self.reads += 1
        return await super().get(digest, tenant)


class Careless(Transcripts):
    """Transcripts without the check of the tenant."""

    def _refuse_foreign(self, ref: Ref, owner: str, tenant: str) -> None:
        pass


@pytest.fixture(name="blobs")
def make_blobs(tmp_path: Path) -> Counted:
    return Counted(tmp_path / "blobs")


def turn(number: int, result: Ref | None = None) -> list[Message]:
    """What one turn adds: the results of the turn before, and the model's next call."""
    part = Part(ref=result) if result else Part(text=f"begin {number}")
    told = Message(role="user", results=(ToolAnswer(id=f"t{number - 1}", content=(part,)),) if result else ())
    asked = ToolUse(id=f"t{number}", name="fs.read", args={"path": f"file-{number}"})
    return [told, Message(role="assistant", content=(Part(text=f"I read {number}."),), tool_calls=(asked,))]


async def talk(transcripts: Transcripts, turns: int, chars: int = 40) -> Transcript:
    """A conversation of so many turns, each with a result that is kept by reference."""
    said = Transcript()
    for number in range(1, turns + 1):
        ref = await transcripts.keep(f"{number} {TEXT * chars}"[:chars].encode(), "acme") if number > 1 else None
        said = await transcripts.append(
            said, turn(number, ref), tenant="acme", system="Be brief." if number == 1 else None
        )
    return said


async def stored(blobs: DirectoryBlobs, under: str = "") -> list[Stored]:
    found: AsyncIterator[Stored] = blobs.listing(under)
    return [one async for one in found]


async def test_conversation_is_found_again_by_its_last_segment(blobs: Counted) -> None:
    for turns in (1, 31, 32, 33, 64, 65, 100):
        said = await talk(Transcripts(blobs), turns)
        found = await Transcripts(blobs).load(said.ref, "acme")
        assert found == said
        assert len(found.messages) == 2 * turns
        assert found.system == "Be brief."
    assert await Transcripts(blobs).load(None, "acme") == Transcript()


async def test_same_conversation_has_the_same_digests_wherever_it_is_written(blobs: Counted, tmp_path: Path) -> None:
    said, again = await talk(Transcripts(blobs), 70), await talk(Transcripts(blobs), 70)
    elsewhere = await talk(Transcripts(DirectoryBlobs(tmp_path / "other")), 70)
    assert said.segments == again.segments == elsewhere.segments
    assert len(set(said.segments)) == 70


async def test_going_on_with_what_the_worker_knows_reads_nothing(blobs: Counted) -> None:
    transcripts = Transcripts(blobs)
    said = await talk(transcripts, 40)
    for number in range(41, 50):
        known = await transcripts.load(said.ref, "acme")
        said = await transcripts.append(known, turn(number), tenant="acme")
    assert blobs.reads == 0
    await Transcripts(blobs).load(said.ref, "acme")
    assert blobs.reads == 49


async def test_cache_is_bounded_in_bytes_and_forgets_what_was_not_asked_for(blobs: Counted) -> None:
    one = await talk(Transcripts(blobs), 10)
    transcripts = Transcripts(blobs, cache_bytes=one.stored_bytes + 200)
    await transcripts.load(one.ref, "acme")
    other = await transcripts.begin([Message(role="user", content=(Part(text="x" * 500),))], tenant="acme")
    blobs.reads = 0
    await transcripts.load(other.ref, "acme")
    assert blobs.reads == 0
    await transcripts.load(one.ref, "acme")
    assert blobs.reads == 10
    small = Transcripts(blobs, cache_bytes=10)
    for _ in range(2):
        await small.load(one.ref, "acme")
    assert blobs.reads == 30


async def test_two_hundred_turns_take_little_more_than_what_is_new_in_them(blobs: Counted) -> None:
    said = await talk(Transcripts(blobs), 200, chars=2000)
    kept = sum(one.size_bytes for one in await stored(blobs))
    assert kept <= 1.5 * said.in_bytes
    assert said.in_bytes > 199 * 2000


async def test_two_hundred_segments_are_read_in_few_steps(blobs: Counted) -> None:
    said = await talk(Transcripts(blobs), 200)
    started = time.perf_counter()
    await Transcripts(blobs).load(said.ref, "acme")
    took_s = time.perf_counter() - started
    assert blobs.reads == 200
    assert took_s < 2  # milliseconds where nothing else runs; one that rereads would take many times that


async def test_size_counts_texts_and_what_references_lead_to(blobs: Counted) -> None:
    transcripts = Transcripts(blobs)
    ref = await transcripts.keep(b"x" * 7000, "acme")
    said = Message(role="user", content=(Part(text="é"), Part(ref=ref), Part(ref=ref, media="image/png")))
    asked = Message(role="assistant", tool_calls=(ToolUse(id="1", name="ab", args={"k": 1}),), raw=({"t": 1},))
    begun = await transcripts.begin([said, asked], tenant="acme", system="four")
    assert begun.in_bytes == 2 + 7000 + MEDIA_TOKENS + 4 + len("ab") + len('{"k":1}') + len('{"t":1}')
    other = await transcripts.append(begun, (), tenant="acme", system="longer")
    assert other.in_bytes == begun.in_bytes + 2
    assert (await Transcripts(blobs).load(other.ref, "acme")).in_bytes == other.in_bytes


async def test_new_beginning_leaves_what_was_before_it_alone(blobs: Counted) -> None:
    transcripts = Transcripts(blobs)
    said = await talk(transcripts, 5)
    begun = await transcripts.begin(said.messages[-2:], tenant="acme", system=said.system)
    assert len(begun.segments) == 1
    assert (await Transcripts(blobs).load(begun.ref, "acme")).messages == said.messages[-2:]
    assert (await Transcripts(blobs).load(said.ref, "acme")) == said


async def test_reference_of_another_tenant_is_refused(blobs: Counted) -> None:
    said = await talk(Transcripts(blobs), 3)
    secret = await Transcripts(blobs).keep(b"their plan", "acme")
    thief = Transcripts(blobs)
    with pytest.raises(BlobError, match="is not to content of tenant `mallory`"):
        await thief.load(said.ref, "mallory")
    with pytest.raises(BlobError, match="is not to content of tenant `mallory`"):
        await thief.open(Part(ref=secret), "mallory")
    assert await Careless(blobs).open(Part(ref=secret), "mallory") == b"their plan"
    assert (await Careless(blobs).load(said.ref, "mallory")).messages == said.messages


async def test_reference_that_is_renamed_leads_nowhere(blobs: Counted) -> None:
    secret = await Transcripts(blobs).keep(b"their plan", "acme")
    with pytest.raises(BlobMissing):
        await Transcripts(blobs).open(
            Part(ref=secret.model_copy(update={"uri": f"blob:mallory/{secret.digest}"})), "mallory"
        )
    for uri in (f"acme/{secret.digest}", f"blob:acme/{'0' * 64}", f"file:acme/{secret.digest}"):
        with pytest.raises(BlobError, match=r"is (no reference of ours|not to content)"):
            await Transcripts(blobs).open(Part(ref=secret.model_copy(update={"uri": uri})), "acme")


async def test_what_a_worker_remembers_it_remembers_for_its_tenant_alone(blobs: Counted) -> None:
    transcripts = Transcripts(blobs)
    theirs = await transcripts.begin([Message(role="user", content=(Part(text="their plan"),))], tenant="acme")
    assert theirs.ref is not None
    mine = theirs.ref.model_copy(update={"uri": f"blob:mallory/{theirs.ref.digest}"})
    with pytest.raises(BlobMissing):
        await transcripts.load(mine, "mallory")
    assert (await transcripts.load(theirs.ref, "acme")).messages == theirs.messages


async def test_lost_segment_is_named(blobs: Counted, tmp_path: Path) -> None:
    said = await talk(Transcripts(blobs), 40)
    for n in (1, 20, 39, 40):
        digest = said.segments[n - 1]
        path = tmp_path / "blobs" / "tenants/acme/sha256" / digest[:2] / digest[2:]
        data = path.read_bytes()
        path.unlink()
        words = f"segment {n} of the conversation is lost" if n < 40 else "the conversation's last segment is lost"
        with pytest.raises(BlobMissing, match=f"{words}: blob `{digest}`"):
            await Transcripts(blobs).load(said.ref, "acme")
        path.write_bytes(data.replace(b"I read", b"I eat"))
        with pytest.raises(BlobDamaged, match=f"is damaged: blob `{digest}`"):
            await Transcripts(blobs).load(said.ref, "acme")
        path.write_bytes(data)
    assert await Transcripts(blobs).load(said.ref, "acme") == said


@pytest.mark.parametrize(
    "data",
    [
        b"not json",
        b"[]",
        b'{"v":1}',
        b'{"back":[],"messages":[{"role":"robot"}],"n":1,"prev":null,"v":1}',
        b'{"back":[],"messages":[],"n":2,"prev":null,"v":1}',
        b'{"back":[],"messages":[],"n":1,"prev":null,"v":2}',
    ],
)
async def test_what_is_no_segment_is_no_conversation(blobs: Counted, data: bytes) -> None:
    ref = await Transcripts(blobs).keep(data, "acme")
    with pytest.raises(BlobDamaged, match="the conversation's last segment is damaged"):
        await Transcripts(blobs).load(ref, "acme")


async def test_leap_to_another_conversation_is_found_out(blobs: Counted) -> None:
    transcripts = Transcripts(blobs)
    said = await talk(transcripts, 31)
    other = await transcripts.begin([Message(role="user", content=(Part(text="forged"),))], tenant="acme")
    forged = Transcript(said.ref, None, said.messages, 0, (*other.segments, *said.segments[1:]), 0)
    led = await transcripts.append(forged, turn(32), tenant="acme")
    with pytest.raises(BlobDamaged, match="segment 32 of the conversation is damaged: it lists others than"):
        await Transcripts(blobs).load(led.ref, "acme")


async def test_size_that_a_reference_lies_about_is_found_out(blobs: Counted) -> None:
    ref = await Transcripts(blobs).keep(b"12345", "acme")
    with pytest.raises(BlobDamaged, match="has 5 bytes, but its reference says 4"):
        await Transcripts(blobs).open(Part(ref=ref.model_copy(update={"size_bytes": 4})), "acme")
    assert await Transcripts(blobs).open(Part(text="é"), "acme") == "é".encode()


async def test_what_is_not_json_is_not_kept(blobs: Counted) -> None:
    odd = Message(role="user", content=(Part(text="\ud800"),))
    with pytest.raises(BlobError, match="cannot be kept as JSON"):
        await Transcripts(blobs).begin([odd], tenant="acme")
