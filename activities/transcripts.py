"""Conversations in the blob store: append-only segments, each known by what it holds.

A segment is canonical JSON: {v, n, prev, back, system?, messages}. `n` counts from 1, `prev` is the digest of the
segment before (null at a beginning), and every 32nd one lists in `back` the 32 before it, so that a reader without a
cache need not go step by step. A beginning (also after a compaction) has no `prev`. The same conversation, appended to
in the same way, has the same digests, wherever it is written.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from activities.chains import read_chain
from activities.contents import Contents
from activities.ports import BlobDamaged, BlobError, BlobForeign, BlobStore
from activities.segments import write_segment
from policies.canonical import NotCanonical, canonical
from workflows.contracts.conversation import Message, Part, Ref, weight_of

CACHE_BYTES = 64 * 1024 * 1024
"""How much of conversations, as they are stored, a worker remembers, and as much of what they refer to."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation: what it begins with, its messages, and the weight of all content, that of references too.

    `ref` leads to its last segment; null for one that has none yet. `segments` are the digests of all of them, in
    order, and `stored_bytes` is their size.
    """

    ref: Ref | None = None
    system: str | None = None
    messages: tuple[Message, ...] = ()
    in_bytes: int = 0
    segments: tuple[str, ...] = ()
    stored_bytes: int = 0


class Transcripts:
    """The transcripts of a worker, read through a cache. Everything is kept and found under its tenant alone."""

    def __init__(self, store: BlobStore, cache_bytes: int = CACHE_BYTES) -> None:
        self._store = store
        self._cache: OrderedDict[tuple[str, str], Transcript] = OrderedDict()
        self._most, self._used = cache_bytes, 0
        self._contents = Contents(cache_bytes)

    async def load(self, ref: Ref | None, tenant: str) -> Transcript:
        """The conversation that a reference leads to, every segment verified; an empty one for null.

        Raises `BlobMissing` or `BlobDamaged` with words that say which segment, and `BlobForeign` for a reference of
        another tenant.
        """
        if ref is None:
            return Transcript()
        digest, owner = self._found(ref, tenant)
        known = self._cache.get((owner, digest))
        if known is None:
            known = await self._read(ref, owner)
            self._remember(known, owner)
        else:
            self._cache.move_to_end((owner, digest))
        return known

    async def append(
        self, before: Transcript, new: Sequence[Message], *, tenant: str, system: str | None = None
    ) -> Transcript:
        """The conversation with more messages, kept. `system` replaces what it began with."""
        data = write_segment(before.segments, new, system)
        ref = await self.keep(data, tenant)
        known = system if system is not None else before.system
        replaced = len((before.system or "").encode()) if system is not None else 0
        after = Transcript(
            ref,
            known,
            (*before.messages, *new),
            before.in_bytes - replaced + bytes_of(new) + len((system or "").encode()),
            (*before.segments, ref.digest),
            before.stored_bytes + len(data),
        )
        if before.ref is not None:  # it goes on in the new one, with the same messages
            self._forget(before.ref.digest, tenant)
        self._remember(after, tenant)
        return after

    async def begin(self, messages: Sequence[Message], *, tenant: str, system: str | None = None) -> Transcript:
        """A new beginning, as a compaction makes one."""
        return await self.append(Transcript(), messages, tenant=tenant, system=system)

    async def keep(self, data: bytes, tenant: str) -> Ref:
        """Store content of its own and give the reference."""
        digest = await self._store.put(data, tenant)
        return Ref(uri=f"blob:{tenant}/{digest}", digest=digest, size_bytes=len(data))

    async def open(self, part: Part, tenant: str) -> bytes:
        """What a part holds: its text as UTF-8, or what its reference leads to, verified."""
        if part.ref is None:
            return (part.text or "").encode()
        digest, owner = self._found(part.ref, tenant)
        data = self._contents.get(owner, digest)
        if data is None:
            data = await self._store.get(digest, owner)
            self._contents.put(owner, digest, data)
        if len(data) != part.ref.size_bytes:
            raise BlobDamaged(f"blob `{digest}` has {len(data)} bytes, but its reference says {part.ref.size_bytes}")
        return data

    def holds(self, part: Part, tenant: str) -> bool:
        """Whether `open` has what a part holds at hand."""
        return part.ref is None or self._contents.get(tenant, part.ref.digest) is not None

    def _found(self, ref: Ref, tenant: str) -> tuple[str, str]:
        """Digest and tenant of what a reference leads to, once it is sure that this tenant may have it."""
        owner, _, digest = ref.uri.removeprefix("blob:").partition("/")
        self._refuse_foreign(ref, owner, tenant)
        if not ref.uri.startswith("blob:") or digest != ref.digest:
            raise BlobForeign(f"`{ref.uri[:120]}` is no reference of ours: `blob:<tenant>/<digest>` is needed")
        return digest, owner

    def _refuse_foreign(self, ref: Ref, owner: str, tenant: str) -> None:
        if owner != tenant:
            raise BlobForeign(f"the reference `{ref.uri[:120]}` is not to content of tenant `{tenant}`")

    async def _read(self, ref: Ref, tenant: str) -> Transcript:
        """Cold: the segments are fetched, from the last to the first."""
        chain = await read_chain(self._store, ref.digest, tenant)
        segments = [link.segment for link in chain]
        messages = tuple(message for segment in segments for message in segment.messages)
        system = next((one.system for one in reversed(segments) if one.system is not None), None)
        in_bytes = bytes_of(messages) + len((system or "").encode())
        digests = tuple(link.digest for link in chain)
        return Transcript(ref, system, messages, in_bytes, digests, sum(link.size_bytes for link in chain))

    def _remember(self, transcript: Transcript, tenant: str) -> None:
        """Keep it at hand, and let go of what was not asked for the longest time."""
        if transcript.ref is None or transcript.stored_bytes > self._most:
            return
        self._forget(transcript.ref.digest, tenant)
        self._cache[tenant, transcript.ref.digest] = transcript
        self._used += transcript.stored_bytes
        while self._used > self._most:
            _, oldest = self._cache.popitem(last=False)
            self._used -= oldest.stored_bytes

    def _forget(self, digest: str, tenant: str) -> None:
        gone = self._cache.pop((tenant, digest), None)
        if gone is not None:
            self._used -= gone.stored_bytes


def bytes_of(messages: Sequence[Message]) -> int:
    """The weight of content: texts, what references lead to, and what calls and providers' blocks hold as JSON."""
    return sum(
        sum(map(weight_of, message.content))
        + sum(weight_of(part) for result in message.results for part in result.content)
        + sum(len(call.name) + _json_bytes(call.args) for call in message.tool_calls)
        + sum(map(_json_bytes, message.raw))
        for message in messages
    )


def _json_bytes(value: dict[str, object]) -> int:
    try:
        return len(canonical(value))
    except NotCanonical as error:
        raise BlobError(f"a message of the conversation cannot be kept as JSON: {error}") from None
