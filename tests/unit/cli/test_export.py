"""Histories are exported whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.blobs import DirectoryBlobs
from activities.stored_payloads import payloads
from cli.exits import CommandError, Exit
from cli.export import inline
from cli.running import activation_of
from worker.connect import converter

if TYPE_CHECKING:
    from pathlib import Path


def _event() -> HistoryEvent:
    """An event with payloads as an argument, in a map, in a failure in a failure, and as metadata."""
    event = HistoryEvent(event_id=1)
    started = event.workflow_execution_started_event_attributes
    started.input.payloads.add(data=b"input")
    started.memo.fields["memo"].data = b"memo"
    started.header.fields["header"].data = b"header"
    started.continued_failure.cause.application_failure_info.details.payloads.add(data=b"detail")
    event.user_metadata.summary.data = b"summary"
    return event


def test_every_payload_is_found_however_deep() -> None:
    assert sorted(payload.data for payload in payloads(_event())) == [
        b"detail",
        b"header",
        b"input",
        b"memo",
        b"summary",
    ]


async def test_what_lies_in_the_store_is_put_back(tmp_path: Path) -> None:
    ours = converter(DirectoryBlobs(tmp_path))
    large = {"text": "x" * 100_000}
    (stored,) = await ours.encode([large])
    assert len(stored.data) < 1000
    event = _event()
    event.workflow_execution_started_event_attributes.memo.fields["large"].CopyFrom(stored)
    assert await inline(WorkflowHistory("w", [event]), ours) == 1
    found = event.workflow_execution_started_event_attributes.memo.fields["large"]
    assert json.loads(found.data) == large
    assert await inline(WorkflowHistory("w", [event]), ours) == 0


async def test_a_payload_that_is_gone_is_named_and_not_a_traceback(tmp_path: Path) -> None:
    (stored,) = await converter(DirectoryBlobs(tmp_path)).encode(["x" * 100_000])
    event = HistoryEvent()
    event.workflow_execution_started_event_attributes.input.payloads.append(stored)
    for elsewhere in (converter(DirectoryBlobs(tmp_path / "empty")), pydantic_data_converter):
        with pytest.raises(CommandError) as raised:
            await inline(WorkflowHistory("w", [event]), elsewhere)
        assert raised.value.code == Exit.FAILED


async def test_json_that_only_looks_like_a_reference_is_left_alone() -> None:
    data = b'{"claimData": {"sha256": "00"}, "driverName": "detent"}'
    event = HistoryEvent()
    event.workflow_execution_started_event_attributes.input.payloads.append(
        Payload(metadata={"encoding": b"json/plain"}, data=data)
    )
    assert await inline(WorkflowHistory("w", [event]), pydantic_data_converter) == 0


@pytest.mark.parametrize(
    ("activity", "activation"),
    [("split#2[3]/read#1:0@0123456789ab", "split#2[3]/read#1"), ("a#1:2@x~1", "a#1"), ("run.admit", "run.admit")],
)
def test_the_id_of_an_activity_names_its_activation(activity: str, activation: str) -> None:
    assert activation_of(activity) == activation
