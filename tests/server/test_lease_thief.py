"""A stranger who polls our task queue records a lease that no ledger gave; our worker makes no call on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.api.command.v1 import (
    Command,
    RecordMarkerCommandAttributes,
    UpsertWorkflowSearchAttributesCommandAttributes,
)
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.enums.v1 import CommandType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from activities.seal import SealKeys
from tests.server.histories import events_of
from tests.server.thief import steal
from tests.support.runs import Run, graph_of, human, tool, working
from tests.support.tenants import Tenant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from activities.seal import Kind

pytestmark = pytest.mark.server
TASK = "workflow_task_completed_event_attributes"
PAUSED = graph_of(
    {
        "one": tool("note", "ask", {"value": 1}),
        "ask": human("yes", to="two"),
        "two": tool("pay", "end", {"usd": 1}, on_failure="fail"),
    }
)


class BelievesLeases(SealKeys):
    """What a worker would be without this one check."""

    def holds(self, kind: Kind, claim: Mapping[str, object], seal: bytes | None) -> bool:
        """Yes to any lease; else what is true."""
        return kind == "lease" or SealKeys.holds(self, kind, claim, seal)


def markers(events: list[HistoryEvent]) -> dict[str, tuple[dict[str, Any], HistoryEvent]]:
    """What the SDK recorded of local activities, by their ids."""
    found = [event for event in events if event.HasField("marker_recorded_event_attributes")]
    data = [json.loads(event.marker_recorded_event_attributes.details["data"].payloads[0].data) for event in found]
    return {one["activity_id"]: (one, event) for one, event in zip(data, found, strict=True)}


def command(kind: str, **attributes: Any) -> Command:
    return Command(command_type=CommandType.Value(f"COMMAND_TYPE_{kind}"), **attributes)


async def forged(run: Run) -> list[Command]:
    """The task after the answer, as if the ledger had given a second lease: the SDK's words, and a number put in."""
    events = await events_of(run)
    known = markers(events)
    data, event = known["tenant.lease#1"]
    given = event.marker_recorded_event_attributes.details["result"].payloads[0]
    reply = {**json.loads(given.data), "fence": 2, "limit": {"tool_calls": 99, "steps": 99}}
    reply["granted"] = {"tokens": 10_000, "cost_nano": 1_000_000_000, "steps": 10, "tool_calls": 9}
    reply["expires_ms"] = reply["expires_ms"] + 600_000
    last = known["tenant.settle#1"][0]["seq"]
    details = {
        "data": {**data, "seq": last + 1, "activity_id": "tenant.lease#2"},
        "result": reply,
    }
    encoded = {
        name: Payloads(payloads=[Payload(metadata=dict(given.metadata), data=json.dumps(value).encode())])
        for name, value in details.items()
    }
    shown = next(one for one in events if one.HasField("upsert_workflow_search_attributes_event_attributes"))
    attributes = shown.upsert_workflow_search_attributes_event_attributes.search_attributes
    return [
        command(
            "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
            upsert_workflow_search_attributes_command_attributes=UpsertWorkflowSearchAttributesCommandAttributes(
                search_attributes=attributes
            ),
        ),
        command(
            "RECORD_MARKER",
            record_marker_command_attributes=RecordMarkerCommandAttributes(
                marker_name=event.marker_recorded_event_attributes.marker_name, details=encoded
            ),
        ),
    ]


@pytest.mark.parametrize("believed", [False, True])
async def test_lease_that_no_ledger_gave_is_good_for_nothing(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path, believed: bool
) -> None:
    tenant = Tenant(temporal_client)
    policy = tenant.policy({"tool_calls": 1, "steps": 100})
    seals: SealKeys | None = BelievesLeases(bytes(32)) if believed else None
    place = (temporal_client, blobs, task_queue, tmp_path)
    async with working(*place, policy=policy, seals=seals) as runs:
        run = await tenant.start(runs, PAUSED)
        await run.pause()
        assert len(runs.effects("note")) == 1
        async for _ in run.handle.fetch_history_events(wait_new_event=True):
            if "tenant.settle#1" in markers(await events_of(run)):
                break
    await run.signal({"pause": "p1", "outcome": "yes", "by": "ada"})
    await steal(temporal_client, task_queue, *await forged(run))
    await run.signal({"pause": "p9", "outcome": "nothing"})
    async with working(*place, policy=policy, seals=seals) as runs:
        view = await run.closed()
        paid = len(runs.effects("pay"))
    if believed:
        assert (view.phase, paid) == ("completed", 1), "two calls where the tenant has one"
        return
    assert view.error is not None
    assert (view.phase, paid) == ("failed", 0)
    assert "shows no seal" in view.error.message


async def test_run_that_was_reset_goes_on_with_the_leases_that_it_had(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    tenant = Tenant(temporal_client)
    policy = tenant.policy({"tool_calls": 9, "steps": 100})
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=policy) as runs:
        run = await tenant.start(runs, PAUSED)
        await run.pause()
        await run.answer("yes")
        assert (await run.closed()).phase == "completed"
        tasks = [one.event_id for one in await events_of(run) if one.WhichOneof("attributes") == TASK]
        request = ResetWorkflowExecutionRequest(
            namespace=temporal_client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=run.handle.id),
            workflow_task_finish_event_id=tasks[-1],
            request_id=run.handle.id,
        )
        await temporal_client.workflow_service.reset_workflow_execution(request)
        again = Run(temporal_client.get_workflow_handle(run.handle.id), temporal_client)
        assert (await again.closed()).phase == "completed"
