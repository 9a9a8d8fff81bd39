"""What runs at this moment, from Temporal's pending activities: attempts and heartbeats, at no cost to the history."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli.changes import Change
from cli.runs import find, is_open

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from temporalio.api.workflow.v1 import PendingActivityInfo
    from temporalio.converter import DataConverter

    from cli.cluster import Cluster

POLL_S = 0.1
"""As often as workers let heartbeats out (temporal-notes: half of what is said is seen within 52 ms)."""
TEXT_CHARS = 500
ERROR_CHARS = 300


@dataclass(frozen=True, slots=True)
class Said:
    """What an attempt of a call last reported: the end of its text, and how long that is."""

    attempt: int
    text: str = ""
    chars: int = 0


async def attempts(cluster: Cluster, run: str) -> AsyncIterator[Change]:
    """A change for every attempt of a call and everything new that it says, until the run closes."""
    seen: dict[str, Said] = {}
    while True:
        found = await find(cluster, run)
        if not is_open(found):
            return
        pending = found.raw_description.pending_activities
        now = {call.activity_id: await said(cluster.client.data_converter, call) for call in pending}
        for call in pending:
            for change in _changes(call, seen.get(call.activity_id), now[call.activity_id]):
                yield change
        seen = now
        await asyncio.sleep(POLL_S)


async def said(converter: DataConverter, call: PendingActivityInfo) -> Said:
    """What the present attempt reported. Temporal keeps what the one before said until there is something new."""
    payloads = call.heartbeat_details.payloads
    details: Any = (await converter.decode(payloads))[0] if payloads else None
    if not isinstance(details, dict) or details.get("attempt") != call.attempt:
        return Said(call.attempt)
    text, chars = details.get("text"), details.get("chars")
    shown = text[-TEXT_CHARS:] if isinstance(text, str) else ""
    return Said(call.attempt, shown, chars if isinstance(chars, int) else len(shown))


def activation_of(activity_id: str) -> str:
    """`split#2[3]/read#1` of `split#2[3]/read#1:0@d1g357`."""
    return call_of(activity_id).rpartition(":")[0] or activity_id


def call_of(activity_id: str) -> str:
    """`split#2[3]/read#1:0` of `split#2[3]/read#1:0@d1g357`."""
    return activity_id.rpartition("@")[0]


def _changes(call: PendingActivityInfo, before: Said | None, now: Said) -> Iterator[Change]:
    if before is None or before.attempt != now.attempt:
        failed = call.last_failure.message if call.HasField("last_failure") else ""
        yield _change(call, "attempt").model_copy(update={"error": failed[:ERROR_CHARS] or None})
    if now.text and (before is None or before != now):
        yield _change(call, "text").model_copy(update={"text": now.text, "chars": now.chars})


def _change(call: PendingActivityInfo, kind: str) -> Change:
    return Change(
        at=datetime.now(UTC).isoformat(),
        kind=kind,
        activation=activation_of(call.activity_id),
        id=call_of(call.activity_id),
        attempt=call.attempt,
        call=call.activity_type.name,
    )
