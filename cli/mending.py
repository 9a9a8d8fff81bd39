"""Content that is put back into a blob store, told from what was there all along."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from activities.blobs_names import content_name
from activities.ports import BlobDamaged, BlobMissing
from activities.segments import digest_of

if TYPE_CHECKING:
    from activities.ports import BlobStore

FAR_S = 1e12
"""A time by which everything has been put: what is damaged goes, however young it is."""


@dataclass
class Mending:
    """A store, with the names of what was restored in it, of what was there, and why other things could not be."""

    store: BlobStore
    restored: list[str] = field(default_factory=list)
    there: set[str] = field(default_factory=set)
    lost: dict[str, str] = field(default_factory=dict)

    async def put(self, data: bytes, tenant: str | None) -> None:
        """Have these bytes in the store."""
        name = content_name(digest_of(data), tenant)
        if name in self.there:
            return
        try:
            await self.store.get(digest_of(data), tenant)
        except BlobMissing:
            await self._restore(data, tenant, name)
        except BlobDamaged:
            await self.store.remove(name, FAR_S)
            await self._restore(data, tenant, name)
        self.there.add(name)

    async def find(self, digest: str, tenant: str | None, why_not: str) -> bytes | None:
        """The bytes of a digest; null, with the reason why nothing can bring them back, where they are lost."""
        name = content_name(digest, tenant)
        try:
            data = await self.store.get(digest, tenant)
        except (BlobMissing, BlobDamaged):
            self.lost.setdefault(name, why_not)
            return None
        self.there.add(name)
        return data

    async def _restore(self, data: bytes, tenant: str | None, name: str) -> None:
        await self.store.put(data, tenant)
        self.restored.append(name)
        self.lost.pop(name, None)
