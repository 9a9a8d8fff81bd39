"""Records are a wire: what one reads as JSON stays as it is."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from workflows.contracts.calls import Usage
from workflows.contracts.conversation import Ref
from workflows.contracts.records import CallRecord, Inline, LifetimeRecord, Opened, PlanExecution, TaskExecution

RUN = {
    "graph": "g@1.0.0",
    "graph_digest": "ab",
    "lifetime_id": "default/g/1",
    "run_id": "r2",
    "first_run_id": "r1",
    "tenant": "default",
}
AT = "2026-11-21T06:20:00.000Z"
CALL = CallRecord(
    call="think#1:1",
    kind="model",
    name="default",
    status="ok",
    attempts=1,
    scheduled_at=AT,
    tokens_used=12,
    cost_usd=0.5,
    cost_nano=500_000_000,
    usage=Usage(tokens=12),
)
VISIT = {"branch": "", "visit": 2, "iteration": 1, "seq": 3, "ended_seq": 2, "moment": 4, "status": "ok"}
TIMES = {"created_at": AT, "started_at": AT, "ended_at": AT, "latency_ms": 7}
TASK = TaskExecution(
    **RUN,
    **VISIT,
    **TIMES,
    exec_id="r1/think#2",
    name="think",
    node_kind="model",
    activation="think#2",
    edge_taken="choose",
    parents=("r1/first#1",),
    tokens_used=12,
    calls=(CALL,),
    result=Ref(uri="blob:default/cd", digest="cd", size_bytes=40_000),
)
PLAN = PlanExecution(
    **RUN,
    **VISIT,
    **TIMES,
    exec_id="r1/choose#2",
    name="choose",
    node_kind="plan",
    activation="choose#2",
    edge_taken="join",
    opened=(Opened(branch="choose#2[0]", to="read"),),
    result=Inline(inline={"next": "join", "reason": "rule"}),
)
LIFETIME = LifetimeRecord(**RUN, phase="completed", executions=2, started_at=AT, input=Inline(inline=None))
CALL_FIELDS = (
    "call kind name status attempts generation scheduled_at started_at ended_at latency_ms tokens_used cost_usd "
    "cost_nano usage error"
)
HEADER = "v kind graph graph_digest lifetime_id run_id first_run_id tenant"
EXECUTION = (
    f"{HEADER} exec_id name node_kind activation branch visit attempt iteration seq ended_seq moment status outcome "
    "edge_taken parents created_at started_at ended_at latency_ms tokens_used cost_usd cost_nano calls result error"
)
GOLDEN = {
    "run": f"{HEADER} whole phase executions started_at ended_at tokens_used cost_usd cost_nano input output error",
    "task": EXECUTION,
    "plan": f"{EXECUTION} opened",
}


@pytest.mark.parametrize("record", [LIFETIME, TASK, PLAN], ids=lambda record: record.kind)
def test_a_record_has_the_fields_that_programs_know_and_reads_back(
    record: LifetimeRecord | TaskExecution | PlanExecution,
) -> None:
    told = json.loads(record.model_dump_json())
    assert (told["v"], told["kind"]) == (1, record.kind)
    assert set(GOLDEN[record.kind].split()) <= set(told), "a field was taken away or renamed"
    assert sorted(told) == sorted(GOLDEN[record.kind].split()), "a field is new: add it here"
    assert type(record).model_validate(told) == record


def test_a_call_has_the_fields_that_programs_know() -> None:
    assert " ".join(CALL.model_dump()) == CALL_FIELDS


def test_a_result_stands_inline_or_by_reference() -> None:
    task, plan = json.loads(TASK.model_dump_json()), json.loads(PLAN.model_dump_json())
    assert task["result"] == {"uri": "blob:default/cd", "digest": "cd", "size_bytes": 40_000}
    assert plan["result"] == {"inline": {"next": "join", "reason": "rule"}}


def test_a_later_version_is_not_read_as_this_one() -> None:
    with pytest.raises(ValidationError):
        TaskExecution.model_validate({**json.loads(TASK.model_dump_json()), "v": 2})
