"""How much a run takes: its histories on the server, and what they reach in the blob store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.ports import BlobError
from worker.reachable import Reached, Reaching, executions
from workflows.contracts.run import RunView
from workflows.contracts.wire import Wire

if TYPE_CHECKING:
    from temporalio.client import Client

    from activities.ports import BlobStore


class HistorySize(Wire):
    """The histories of all executions of a run that the server still has."""

    bytes: int = 0
    events: int = 0
    runs: int = 0


class BlobSize(Wire):
    """What the histories reach, each once: large payloads, content by reference, conversations.

    `missing` is how much of it is not there.
    """

    count: int = 0
    bytes: int = 0
    missing: int = 0


class ShownRun(RunView):
    """A run as `detent show` prints it. `blobs` is null where the store cannot be read."""

    history: HistorySize = HistorySize()
    blobs: BlobSize | None = None


async def with_sizes(client: Client, store: BlobStore, view: RunView, last_run_id: str) -> tuple[ShownRun, str | None]:
    """The view with what the run takes, and why its blobs could not be counted, if so."""
    history, reached, why = HistorySize(), Reached(), None
    async for run_id, found in executions(client, view.id, last_run_id):
        described = await client.get_workflow_handle(view.id, run_id=run_id).describe()
        info = described.raw_description.workflow_execution_info
        history = HistorySize(
            bytes=history.bytes + info.history_size_bytes,
            events=history.events + len(found.events),
            runs=history.runs + 1,
        )
        try:
            await Reaching(store, reached).follow(found, view.tenant, run_id)
        except BlobError as error:
            why = str(error)
    blobs = None if why is not None else _size(reached)
    fields = {name: getattr(view, name) for name in RunView.model_fields}
    return ShownRun.model_construct(**fields, history=history, blobs=blobs), why


def _size(reached: Reached) -> BlobSize:
    there = [size for size in reached.sizes.values() if size is not None]
    return BlobSize(count=len(there), bytes=sum(there), missing=len(reached.sizes) - len(there))
