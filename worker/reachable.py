"""What a run reaches in the blob store, read in its histories and in the conversations that they lead to."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Payload
from temporalio.service import RPCError, RPCStatusCode

from activities.blobs_names import claim_name, content_name, is_hex, is_tenant
from activities.claim_keys import claims_of_call
from activities.ports import BlobDamaged, BlobMissing
from activities.segments import read_segment
from activities.storage import DRIVER, digest_of_claim
from activities.stored_payloads import payloads, reference_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.client import Client, WorkflowHistory

    from activities.ports import BlobStore

AT_ONCE = 32
ATTEMPTS_MOST = 1000
"""A graph may ask for no more."""


@dataclass
class Reached:
    """Names in the store that runs reach, with their sizes in bytes; null where nothing is there.

    `lost` are the tenants whose content leads nobody knows where, because something of it is missing or damaged;
    `payload_lost`: so may payloads of histories. Content leads to content of its tenant alone, so what a model or a
    user of one tenant makes up of references to it keeps nothing of another's.
    """

    sizes: dict[str, int | None] = field(default_factory=dict)
    claims: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    payload_lost: bool = False


async def executions(client: Client, workflow_id: str, run_id: str) -> AsyncIterator[tuple[str, WorkflowHistory]]:
    """The histories of a run's executions with their ids, the last first, as far back as the server has them."""
    wanted: str | None = run_id
    while wanted:
        try:
            found = await client.get_workflow_handle(workflow_id, run_id=wanted).fetch_history()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:  # its retention is over, or it was deleted meanwhile
                return
            raise
        yield wanted, found
        wanted = found.events[0].workflow_execution_started_event_attributes.continued_execution_run_id or None


class Reaching:
    """Follows what the histories of runs of one store refer to."""

    def __init__(self, store: BlobStore, reached: Reached) -> None:
        self._store = store
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._reached = reached

    async def follow(self, history: WorkflowHistory, tenant: str, run_id: str) -> None:
        """Everything that one history reaches. Raises `BlobError` where the store cannot be read."""
        digests: set[str] = set()
        for event in history.events:
            texts = [await self._bytes(payload, tenant) for payload in payloads(event)]
            self._note_claims(event, texts, run_id)
            for text in texts:
                digests |= _digests(text, tenant)
        await self._follow(digests, tenant)

    async def _bytes(self, payload: Payload, tenant: str) -> bytes:
        """What a payload holds, wherever it is kept; nothing if it is lost."""
        reference = reference_of(payload)
        if reference is None:
            return payload.data
        if reference.driver_name != DRIVER:
            return b""  # another program's, in another store
        digest = digest_of_claim(dict(reference.claim_data))
        data = await self._read(digest, tenant, of_temporal=True)
        return b"" if data is None else Payload.FromString(data).data

    async def _follow(self, digests: Iterable[str], tenant: str) -> None:
        """Content of the tenant and, where it is part of a conversation, all that stands behind it."""
        ahead = set(digests)
        while ahead:
            new = sorted(digest for digest in ahead if content_name(digest, tenant) not in self._reached.sizes)
            contents = await asyncio.gather(*(self._read(digest, tenant) for digest in new))
            ahead = {digest for data in contents if data for digest in _behind(data, tenant)}

    async def _read(self, digest: str, tenant: str, *, of_temporal: bool = False) -> bytes | None:
        name = content_name(digest, None if of_temporal else tenant)
        async with self._slots:
            try:
                data: bytes | None = await self._store.get(digest, None if of_temporal else tenant)
            except (BlobMissing, BlobDamaged):
                self._reached.lost.add(tenant)
                self._reached.payload_lost |= of_temporal
                data = None
        self._reached.sizes[name] = None if data is None else len(data)
        return data

    def _note_claims(self, event: HistoryEvent, texts: list[bytes], run_id: str) -> None:
        if not event.HasField("activity_task_scheduled_event_attributes"):
            return
        attempts = event.activity_task_scheduled_event_attributes.retry_policy.maximum_attempts or ATTEMPTS_MOST
        for key, generation in filter(None, map(_call, texts)):
            self._reached.claims |= {claim_name(one) for one in claims_of_call(key, generation, run_id, attempts)}


def _digests(data: bytes, tenant: str) -> set[str]:
    """The content of the tenant that these bytes speak of. Words that only look like a reference keep too much."""
    if not is_tenant(tenant):  # not a run of ours
        return set()
    return {found.decode() for found in re.findall(rb"blob:" + re.escape(tenant.encode()) + rb"/([0-9a-f]{64})", data)}


def _behind(data: bytes, tenant: str) -> set[str]:
    """What stands behind a segment of a conversation; nothing for content of any other kind."""
    try:
        segment = read_segment(data)
    except BlobDamaged:
        return set()
    before = {digest for digest in (segment.prev, *segment.back) if digest and is_hex(digest)}
    return before | _digests(data, tenant)


def _call(data: bytes) -> tuple[str, int] | None:
    """Key and generation of the call that an activity was given."""
    with suppress(ValueError, AttributeError, TypeError):
        call = json.loads(data)
        if is_hex(call.get("key", "")):
            return call["key"], int(call.get("generation", 0))
    return None
