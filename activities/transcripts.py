"""Conversations in the blob store: append-only segments, each known by what it holds.

A segment is canonical JSON: {v, n, prev, back, system?, messages}. `n` counts from 1, `prev` is the digest of the
segment before (null at a beginning), and every 32nd one lists in `back` the 32 before it, so that a reader without a
cache need not go step by step. A beginning (also after a compaction) has no `prev`. The same conversation, appended to
in the same way, has the same digests, wherever it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from activities.ports import BlobStore
from workflows.contracts.conversation import Message, Part, Ref


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation: what it begins with, its messages, and the size of all content in bytes, that of references too.

    `ref` leads to its last segment; null for one that has none yet.
    """

    ref: Ref | None = None
    system: str | None = None
    messages: tuple[Message, ...] = ()
    in_bytes: int = 0


class Transcripts:
    """The transcripts of a worker, read through a cache. Everything is kept and found under its tenant alone."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store

    async def load(self, ref: Ref | None, tenant: str) -> Transcript:
        """The conversation that a reference leads to, every segment verified; an empty one for null.

        Raises `BlobMissing` or `BlobDamaged` with words that say which segment and what to do (`detent blobs rebuild`),
        and `BlobError` for a reference of another tenant.
        """
        raise NotImplementedError

    async def append(
        self, before: Transcript, new: Sequence[Message], *, tenant: str, system: str | None = None
    ) -> Transcript:
        """The conversation with more messages, kept. `system` replaces what it began with."""
        raise NotImplementedError

    async def begin(self, messages: Sequence[Message], *, tenant: str, system: str | None = None) -> Transcript:
        """A new beginning, as a compaction makes one."""
        raise NotImplementedError

    async def keep(self, data: bytes, tenant: str) -> Ref:
        """Store content of its own and give the reference."""
        raise NotImplementedError

    async def open(self, part: Part, tenant: str) -> bytes:
        """What a part holds: its text as UTF-8, or what its reference leads to, verified."""
        raise NotImplementedError
