"""What runs at this moment, from Temporal's pending activities: attempts and heartbeats, at no cost to the history."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cli.changes import Change
from cli.runs import find, is_open

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from temporalio.api.workflow.v1 import PendingActivityInfo

    from cli.cluster import Cluster

POLL_S = 0.25
TEXT_CHARS = 500


async def attempts(cluster: Cluster, run: str) -> AsyncIterator[Change]:
    """A change for every attempt of a call and every new heartbeat text, until the run closes."""
    seen: dict[str, tuple[int, str]] = {}
    while True:
        found = await find(cluster, run)
        if not is_open(found):
            return
        for pending in found.raw_description.pending_activities:
            text = await heartbeat_text(cluster, pending)
            if seen.get(pending.activity_id) != (pending.attempt, text):
                seen[pending.activity_id] = (pending.attempt, text)
                yield _change(pending, text)
        await asyncio.sleep(POLL_S)


async def heartbeat_text(cluster: Cluster, pending: PendingActivityInfo) -> str:
    """The last part of what a call reported: the end of a model's text, or empty."""
    payloads = pending.heartbeat_details.payloads
    if not payloads:
        return ""
    details: Sequence[object] = await cluster.client.data_converter.decode(payloads)
    for detail in details:
        if isinstance(detail, dict) and isinstance(detail.get("text"), str):
            return str(detail["text"])[-TEXT_CHARS:]
        if isinstance(detail, str):
            return detail[-TEXT_CHARS:]
    return ""


def activation_of(activity_id: str) -> str:
    """`split#2[3]/read#1` of `split#2[3]/read#1:0@d1g357`."""
    return activity_id.rpartition("@")[0].rpartition(":")[0] or activity_id


def _change(pending: PendingActivityInfo, text: str) -> Change:
    return Change(
        at=datetime.now(UTC).isoformat(),
        kind="attempt",
        activation=activation_of(pending.activity_id),
        attempt=pending.attempt,
        call=pending.activity_type.name,
        text=text or None,
    )
