"""What a worker remembers of content: so much and no more, and for each tenant its own."""

from __future__ import annotations

from pathlib import Path

from activities.blobs import DirectoryBlobs
from activities.contents import Contents
from activities.transcripts import Transcripts
from workflows.contracts.conversation import Part


def test_what_was_put_is_at_hand_for_its_tenant_alone() -> None:
    contents = Contents(10)
    contents.put("acme", "a", b"abc")
    assert contents.get("acme", "a") == b"abc"
    assert contents.get("other", "a") is None


def test_the_longest_unused_goes_first() -> None:
    contents = Contents(10)
    contents.put("acme", "a", b"1234")
    contents.put("acme", "b", b"1234")
    assert contents.get("acme", "a")
    contents.put("acme", "c", b"1234")
    assert [contents.get("acme", name) is not None for name in "abc"] == [True, False, True]


def test_what_is_put_again_is_counted_once() -> None:
    contents = Contents(10)
    for _ in range(5):
        contents.put("acme", "a", b"1234")
    contents.put("acme", "b", b"123456")
    assert contents.get("acme", "a")


def test_what_is_too_large_is_not_kept_and_drives_nothing_out() -> None:
    contents = Contents(10)
    contents.put("acme", "a", b"1234")
    contents.put("acme", "large", b"x" * 11)
    assert contents.get("acme", "large") is None
    assert contents.get("acme", "a")


class Counting(DirectoryBlobs):
    """Counts what is read."""

    read = 0

    async def get(self, digest: str, tenant: str | None = None) -> bytes:
        self.read += 1
        return await super().get(digest, tenant)


async def test_content_that_a_conversation_refers_to_is_read_once_and_not_for_each_turn(tmp_path: Path) -> None:
    blobs = Counting(tmp_path)
    transcripts = Transcripts(blobs)
    part = Part(ref=await transcripts.keep(b"a page", "acme"))
    assert [await transcripts.open(part, "acme") for _ in range(5)] == [b"a page"] * 5
    assert blobs.read == 1
