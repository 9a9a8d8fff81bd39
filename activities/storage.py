"""Large payloads out of history: Temporal's external storage over the blob store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    DataConverter,
    ExternalStorage,
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
)

from activities.ports import BlobDamaged, BlobStore

DRIVER = "detent"
"""Recorded in histories with every stored payload, so it never changes."""

THRESHOLD_BYTES = 32 * 1024
"""A hundred payloads below it fit into one workflow task (4 MiB)."""

_DIGEST, _SIZE = "sha256", "size"


class BlobDriver(StorageDriver):
    """Stores payloads by their content; a claim is their SHA-256 and size in bytes."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store

    def name(self) -> str:
        """The name that histories know the driver by."""
        return DRIVER

    async def store(self, context: StorageDriverStoreContext, payloads: Sequence[Payload]) -> list[StorageDriverClaim]:
        """Store each payload, after the codec; equal payloads are stored once."""
        del context
        return list(await asyncio.gather(*(self._put(payload) for payload in payloads)))

    async def retrieve(
        self, context: StorageDriverRetrieveContext, claims: Sequence[StorageDriverClaim]
    ) -> list[Payload]:
        """The payloads of the claims, each verified against its digest. Raises `BlobError`."""
        del context
        return list(await asyncio.gather(*(self._get(claim) for claim in claims)))

    async def _put(self, payload: Payload) -> StorageDriverClaim:
        # Deterministic, because metadata is a map: equal payloads must have equal bytes.
        data = payload.SerializeToString(deterministic=True)
        return StorageDriverClaim({_DIGEST: await self._store.put(data), _SIZE: str(len(data))})

    async def _get(self, claim: StorageDriverClaim) -> Payload:
        digest = digest_of_claim(claim.claim_data)
        data = await self._store.get(digest)
        if str(len(data)) != claim.claim_data.get(_SIZE):
            raise BlobDamaged(f"blob `{digest}` has {len(data)} bytes, but history says {claim.claim_data.get(_SIZE)}")
        return Payload.FromString(data)


def digest_of_claim(claim_data: Mapping[str, str]) -> str:
    """The SHA-256 that a claim of ours names."""
    return claim_data.get(_DIGEST, "")


def with_external_storage(
    converter: DataConverter, store: BlobStore, threshold_bytes: int = THRESHOLD_BYTES
) -> DataConverter:
    """The same converter, with payloads of `threshold_bytes` and over kept in the blob store."""
    storage = ExternalStorage(drivers=[BlobDriver(store)], payload_size_threshold=threshold_bytes)
    return replace(converter, external_storage=storage)
