"""What lies in a blob store, by folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.blobs_names import named
from workflows.contracts.wire import Wire

if TYPE_CHECKING:
    from activities.blobs_names import Named
    from activities.ports import BlobStore

PAYLOADS, CLAIMS, UNFINISHED, STRANGE = "sha256", "claims", "unfinished", "not ours"


class BlobRow(Wire):
    """A folder of the store: how many things are in it, and how many bytes. `tenant` is null for what has none."""

    folder: str
    tenant: str | None = None
    count: int = 0
    bytes: int = 0


async def blob_rows(store: BlobStore, tenant: str | None) -> list[BlobRow]:
    """A row per folder, of one tenant where it is named; sorted."""
    rows: dict[str, BlobRow] = {}
    async for found in store.listing():
        what = named(found.name)
        whose = what.tenant or None if what is not None else None
        if tenant is not None and whose != tenant:
            continue
        folder = _folder(found.name, what)
        row = rows.get(folder, BlobRow(folder=folder, tenant=whose))
        rows[folder] = row.model_copy(update={"count": row.count + 1, "bytes": row.bytes + found.size_bytes})
    return [rows[folder] for folder in sorted(rows)]


def _folder(name: str, what: Named | None) -> str:
    if what is None:
        return STRANGE
    if what.kind == "record":
        return name.rpartition("/")[0]
    return {"payload": PAYLOADS, "claim": CLAIMS, "unfinished": UNFINISHED}.get(what.kind, f"tenants/{what.tenant}")
