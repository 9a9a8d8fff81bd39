"""The retention sweep: removes from the blob store what is old and what no open run reaches."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.blobs_names import named
from activities.ports import BlobError
from worker.blob_users import namespaces_of
from worker.reachable import Reached, Reaching, executions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from activities.blobs_names import Named
    from activities.ports import BlobStore, Stored

OPEN = "ExecutionStatus = 'Running' OR (ExecutionStatus = 'ContinuedAsNew' AND CloseTime > '{since}')"
"""A run that has just gone on as new is listed late under its new id; until then it is found by its old one."""
LISTED_LATE_S = 3600.0


class NotSwept(Exception):
    """Nothing was removed, because what open runs reach could not be told; the message says why and what to do."""


@dataclass
class Swept:
    """What a sweep found and removed: names and bytes, and how many things each reason kept."""

    removed: list[str] = field(default_factory=list)
    removed_bytes: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    lost: tuple[str, ...] = ()
    open_runs: int = 0


async def sweep(store: BlobStore, client: Client, before_s: float, *, dry_run: bool) -> Swept:
    """Remove what was last put before a time (UTC seconds) and is reached by no open run of any namespace.

    Records (approvals, revocations) are never removed. Raises `NotSwept` before anything is removed.
    """
    # Listed first: whatever is put from here on is too young by the time it could be removed.
    old = [found async for found in store.listing() if found.put_s < before_s]
    reached, open_runs = await reached_by_open_runs(store, client)
    swept = await clear(store, old, reached, before_s, dry_run=dry_run)
    swept.open_runs = open_runs
    return swept


async def clear(store: BlobStore, old: Iterable[Stored], reached: Reached, before_s: float, *, dry_run: bool) -> Swept:
    """Remove what is old, not reached, and not put again since."""
    swept = Swept(lost=tuple(sorted(reached.lost)))
    for found in old:
        reason = why_kept(found, named(found.name), reached)
        if reason is not None:
            swept.kept[reason] += 1
        elif dry_run or await store.remove(found.name, before_s):
            swept.removed.append(found.name)
            swept.removed_bytes += found.size_bytes
        else:
            swept.kept["used again"] += 1
    return swept


def why_kept(found: Stored, what: Named | None, reached: Reached) -> str | None:
    """Why something old stays; null where it may go."""
    if what is None:
        return "not ours"
    if what.kind == "record":
        return "a record"
    if found.name in reached.sizes or found.name in reached.claims:
        return "an open run reaches it"
    # What is lost might have led here; payloads and claims have no tenant, so any payload that is lost keeps them.
    doubtful = what.tenant in reached.lost if what.kind == "content" else reached.payload_lost
    return "what led to it may be lost" if doubtful and what.kind != "unfinished" else None


async def reached_by_open_runs(store: BlobStore, client: Client) -> tuple[Reached, int]:
    """What all open workflows reach, of every namespace that uses the store, and how many there are."""
    reached = Reached()
    reaching = Reaching(store, reached)
    count = 0
    query = OPEN.format(since=datetime.fromtimestamp(time.time() - LISTED_LATE_S, UTC).isoformat())
    try:
        for namespace in sorted({client.namespace} | await namespaces_of(store)):
            there, seen = _in(client, namespace), set[str]()
            async for found in there.list_workflows(query):
                count += found.status is WorkflowExecutionStatus.RUNNING
                async for run_id, history in executions(there, found.id, found.run_id):
                    if run_id in seen:
                        break  # with all that went before it
                    seen.add(run_id)
                    await reaching.follow(history, found.id.partition("/")[0], run_id)
    except RPCError as error:
        remedy = "is the server up? `detent doctor` looks"
        if error.status is RPCStatusCode.NOT_FOUND:
            remedy = "if a namespace that used this store is gone, say so with `detent blobs sweep --forget NAMESPACE`"
        raise NotSwept(f"open runs cannot be asked for: {error.message}; nothing was removed; {remedy}") from error
    except BlobError as error:
        raise NotSwept(f"what open runs reach cannot be read: {error}; nothing was removed") from error
    return reached, count


def _in(client: Client, namespace: str) -> Client:
    """The same client in another namespace."""
    if namespace == client.namespace:
        return client
    return Client(client.service_client, namespace=namespace, data_converter=client.data_converter)
