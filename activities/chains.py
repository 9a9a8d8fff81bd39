"""The segments of a conversation, found from its last: step by step to the next leap, from there many at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from activities.ports import BlobDamaged, BlobMissing, BlobStore
from activities.segments import Segment, read_segment

AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Link:
    """A segment with the digest that it is known by, and its size."""

    digest: str
    segment: Segment
    size_bytes: int


async def read_chain(store: BlobStore, head: str, tenant: str) -> list[Link]:
    """All segments that a digest leads to, the first one first, each verified.

    Raises `BlobMissing` or `BlobDamaged` with words that say which segment.
    """
    found = [await read_link(store, head, tenant)]
    while (last := found[-1]).segment.prev is not None:
        if last.segment.back:
            found += await _leap(store, last, tenant)
        else:
            found.append(await read_link(store, last.segment.prev, tenant, last.segment.n - 1))
    found.reverse()
    return found


async def read_link(store: BlobStore, digest: str, tenant: str, n: int | None = None) -> Link:
    """One segment, which must have the number `n` where that is known."""
    where = "the conversation's last segment" if n is None else f"segment {n} of the conversation"
    try:
        data = await store.get(digest, tenant)
        segment = read_segment(data)
    except BlobMissing as error:
        raise BlobMissing(f"{where} is lost: {error}") from None
    except BlobDamaged as error:
        raise BlobDamaged(f"{where} is damaged: blob `{digest}`: {error}") from None
    if (n is not None and segment.n != n) or segment.n < 1 or (segment.n == 1) != (segment.prev is None):
        raise BlobDamaged(f"{where} is damaged: blob `{digest}` does not fit to what stands behind it")
    return Link(digest, segment, len(data))


async def _leap(store: BlobStore, after: Link, tenant: str) -> list[Link]:
    """The segments that one lists, the last one first."""
    slots = asyncio.Semaphore(AT_ONCE)
    before, n = after.segment.back, after.segment.n
    first = n - len(before)

    async def read(index: int, digest: str) -> Link:
        async with slots:
            return await read_link(store, digest, tenant, first + index)

    links = await asyncio.gather(*(read(index, digest) for index, digest in enumerate(before)))
    follows = after
    for link in reversed(links):
        if follows.segment.prev != link.digest:
            raise BlobDamaged(f"segment {n} of the conversation is damaged: it lists others than those it follows")
        follows = link
    return links[::-1]
