"""The sweep that a worker does by itself, where the operator asks for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from temporalio.service import RPCError

from activities.ports import BlobError
from worker.sweep import NotSwept, sweep

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from temporalio.client import Client

    from activities.ports import BlobStore

log = logging.getLogger(__name__)

EVERY_S = 6 * 3600.0
FIRST_S = 60.0
"""A worker that has just started has other things to do."""


@asynccontextmanager
async def sweeping(
    client: Client, store: BlobStore, retention_ms: int | None, *, first_s: float = FIRST_S
) -> AsyncIterator[None]:
    """Sweep every few hours meanwhile; never where no retention is set. Several workers may do it at once."""
    if retention_ms is None:
        yield
        return
    task = asyncio.create_task(_sweep_for_ever(client, store, retention_ms / 1000, first_s))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _sweep_for_ever(client: Client, store: BlobStore, retention_s: float, first_s: float) -> None:
    wait_s = first_s
    while True:
        await asyncio.sleep(wait_s)
        wait_s = EVERY_S
        try:
            swept = await sweep(store, client, time.time() - retention_s, dry_run=False)
        except (NotSwept, BlobError, RPCError) as error:
            log.warning("blobs were not swept: %s", error)
            continue
        log.info("blobs swept: %d removed, %d bytes", len(swept.removed), swept.removed_bytes)
        if swept.lost:
            log.warning("blobs of %s are missing: what they may have led to was kept", ", ".join(swept.lost))
