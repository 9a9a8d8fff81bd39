"""Which namespaces keep their payloads in a blob store: a sweep must ask all of them."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from activities.blobs_names import NAMESPACES

if TYPE_CHECKING:
    from activities.ports import BlobStore

log = logging.getLogger(__name__)


async def note_namespace(store: BlobStore, namespace: str) -> None:
    """Say that runs of a namespace use the store."""
    await store.record(NAMESPACES, _key(namespace), namespace.encode())


async def forget_namespace(store: BlobStore, namespace: str) -> None:
    """Say that none do any more; a worker that starts there says otherwise."""
    await store.record(NAMESPACES, _key(namespace), b"")


async def namespaces_of(store: BlobStore) -> set[str]:
    """All that use it."""
    return {data.decode() for data in (await store.records(NAMESPACES)).values() if data}


def _key(namespace: str) -> str:
    return hashlib.sha256(namespace.encode()).hexdigest()
