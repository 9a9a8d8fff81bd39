"""Replaying recorded histories with this code, offline."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.json_format import ParseError
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from activities.blobs_places import open_blobs
from activities.bounded_file import read_at_most
from cli.exits import invalid
from worker.connect import converter
from worker.sandbox import sandboxed, unsandboxed
from worker.sdk_runtime import sdk_runtime
from worker.settings import blobs_place
from workflows.contracts.wire import Wire
from workflows.registry import WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Sequence

MIB = 1024 * 1024
MAX_BYTES = 512 * MIB
_INNER = re.compile(r'Failure \{ failure: Some\(Failure \{ message: "((?:[^"\\]|\\.)*)"')
"""What went wrong, where the SDK prints a failure of its core with its stack and all that it does not have."""
_EVENT_ID = re.compile(r"(?:id: |event_id[=:] ?|event )(\d+)")


class Disagreement(Wire):
    """Where a history and this code part; `event_id` null where the SDK does not say."""

    event_id: int | None
    message: str


class ReplayRow(Wire):
    """One history: whether this code still does what it recorded."""

    file: str
    ok: bool
    events: int
    error: Disagreement | None


NOT_WHOLE = "HistoryNotWhole"
"""The type of the error about a history from which events were taken, or whose events were moved."""


def read_history(file: str) -> WorkflowHistory:
    """A history as `detent history` or `temporal workflow show -o json` wrote it; exit 7 for anything else."""
    try:
        data = json.loads(_read(file))
        found = WorkflowHistory.from_json("", data)
    except (ValueError, RecursionError, ParseError, TypeError, AttributeError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        message = f"`{file}` is not a history in Temporal's JSON: {reason}; `detent history RUN -o FILE` writes one"
        raise invalid(message, kind="InvalidHistory") from error
    first = found.events[0] if found.events else None
    if first is None or not first.HasField("workflow_execution_started_event_attributes"):
        raise invalid(f"`{file}` does not begin with the start of a run", kind="InvalidHistory")
    _check_whole(file, found)
    started = first.workflow_execution_started_event_attributes
    return WorkflowHistory(started.workflow_id or file, found.events)


def _check_whole(file: str, found: WorkflowHistory) -> None:
    """Refuse what the SDK would wait for or panic at, and never come back from."""
    if [event.event_id for event in found.events] != list(range(1, len(found.events) + 1)):
        message = f"`{file}` is not whole: its events are not numbered 1 to {len(found.events)}"
        raise invalid(message, kind=NOT_WHOLE)
    for event in found.events:
        kind = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower()
        if event.WhichOneof("attributes") != f"{kind}_event_attributes":
            message = f"`{file}`: event {event.event_id} says that it is `{kind}`, and its attributes are of another"
            raise invalid(message, kind="InvalidHistory")
    if not any(event.HasField("workflow_task_started_event_attributes") for event in found.events):
        message = f"`{file}` ends before a worker began with the run: there is nothing to replay"
        raise invalid(message, kind="InvalidHistory")


def _read(file: str) -> bytes:
    try:
        data = read_at_most(Path(file), MAX_BYTES)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise invalid(f"cannot read `{file}`: {reason}", kind="FileError") from error
    if len(data) > MAX_BYTES:
        raise invalid(f"`{file}` is over {MAX_BYTES // MIB} MiB: no history is so large", kind="TooLarge")
    return data


async def replay(
    files: Sequence[str], histories: Sequence[WorkflowHistory], *, sandbox: bool, namespace: str
) -> list[ReplayRow]:
    """A row per history. No server is needed; a store only for payloads that were not put into the file."""
    replayer = Replayer(
        workflows=list(WORKFLOWS),
        namespace=namespace,
        data_converter=converter(open_blobs(blobs_place(os.environ))),
        workflow_runner=sandboxed() if sandbox else unsandboxed(),
        runtime=sdk_runtime(),
    )
    rows = []
    for file, found in zip(files, histories, strict=True):
        result = await replayer.replay_workflow(found, raise_on_replay_failure=False)
        error = None if result.replay_failure is None else disagreement(result.replay_failure)
        rows.append(ReplayRow(file=file, ok=error is None, events=len(found.events), error=error))
    return rows


def disagreement(failure: BaseException) -> Disagreement:
    """Where and why a replay failed, in the SDK's words."""
    said = str(failure) or type(failure).__name__
    event, inner = _EVENT_ID.search(said), _INNER.search(said)
    message = said if inner is None else inner.group(1).replace('\\"', '"')
    return Disagreement(event_id=int(event.group(1)) if event else None, message=message)
