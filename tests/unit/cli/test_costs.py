"""Money is added up to the last nano-dollar, and what nobody can count is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from temporalio.client import WorkflowHistory

from cli.costs import CostRow, merged, run_row
from cli.model_costs import ModelUse, model_uses
from cli.money import dollars, nano_of
from cli.rows import RunRow
from workflows.contracts.run import BudgetView, RunView, UsageView


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "$0.0000"),
        (1, "$0.000000001"),
        (4_200_000, "$0.0042"),
        (12_000_000_001, "$12.000000001"),
        (1_234_567_000_000_000, "$1,234,567.0000"),
        (-1_500_000_000, "-$1.5000"),
    ],
)
def test_dollars_are_exact(nano: int, text: str) -> None:
    assert dollars(nano) == text
    assert nano_of(nano / 1e9) == nano


INDEXED = RunRow(
    id="t/g/1",
    run_id="r",
    graph="g",
    tenant="t",
    phase="completed",
    pending=0,
    tokens=7,
    cost_usd=0.25,
    started_at="",
    ended_at=None,
)


def view(cost_usd: float, **budget: BudgetView) -> RunView:
    return RunView(
        id="t/g/1",
        run_id="r",
        graph="g",
        version="1.0.0",
        tenant="t",
        phase="completed",
        usage=UsageView(cost_usd=cost_usd, unpriced=("local",)),
        budget=budget,
    )


def test_a_row_has_what_the_run_may_use_and_what_it_holds_of_its_tenants_budget() -> None:
    run = BudgetView(limit={"cost_usd": 1.0}, used={"cost_usd": 0.1}, overrun={"tokens": 3})
    tenant = BudgetView(limit={"cost_usd": 100.0}, leased={"cost_usd": 0.5})
    found = run_row(INDEXED, view(0.1, lifetime=run, tenant=tenant), "run")
    assert (found.limit, found.leased, found.overrun) == ({"cost_usd": 1.0}, {"cost_usd": 0.5}, {"tokens": 3})
    assert (found.cost_nano, found.unpriced, found.partial) == (100_000_000, ("local",), False)
    assert run_row(INDEXED, view(0.1, lifetime=run, tenant=tenant), "tenant").limit == {"cost_usd": 100.0}
    assert run_row(INDEXED, view(0.1, lifetime=run), "graph").limit == {}


def test_a_run_that_nobody_answers_for_is_marked() -> None:
    found = run_row(INDEXED, None, "run")
    assert (found.partial, found.used, found.cost_nano) == (True, {"tokens": 7, "cost_usd": 0.25}, 250_000_000)


def test_rows_add_up_without_losing_a_nano_dollar() -> None:
    rows = [CostRow(name=str(n), cost_nano=n, used={"cost_usd": n / 1e9, "tokens": n}) for n in (1, 2, 300_000_000)]
    found = merged("all", [*rows, CostRow(name="x", partial=True, unpriced=("m",), limit={"tokens": 9})])
    assert found.cost_nano == 300_000_003
    assert found.used == {"cost_usd": 0.300000003, "tokens": 300_000_003}
    assert (found.runs, found.partial, found.unpriced, found.limit) == (4, True, ("m",), {"tokens": 9})


def payload(value: object) -> dict[str, Any]:
    import base64  # noqa: PLC0415 - here alone

    data = base64.b64encode(json.dumps(value).encode()).decode()
    return {"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": data}


def call(number: int, end: str, **body: object) -> list[dict[str, Any]]:
    scheduled = {
        "activityId": f"a#1:{number}@0",
        "activityType": {"name": "model.x"},
        "input": {"payloads": [payload({"args": {"alias": "default", "model": "m-1"}})]},
    }
    return [
        {
            "eventId": str(2 * number),
            "eventType": "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED",
            "activityTaskScheduledEventAttributes": scheduled,
        },
        {
            "eventId": str(2 * number + 1),
            "eventType": f"EVENT_TYPE_ACTIVITY_TASK_{end.upper()}",
            f"activityTask{end.title().replace('_', '')}EventAttributes": {"scheduledEventId": str(2 * number), **body},
        },
    ]


def failed(*details: object) -> dict[str, object]:
    info = {"type": "MaybeBilled", "details": {"payloads": [payload(detail) for detail in details]}}
    return {"failure": {"message": "x", "applicationFailureInfo": info}}


def test_models_are_charged_for_what_their_calls_say() -> None:
    card = {"v": 1, "models": {"default": {"model": "m-1", "priced": False}}}
    marker = {"markerName": "core_local_activity", "details": {"result": {"payloads": [payload(card)]}}}
    started = {"eventId": "1", "eventType": "EVENT_TYPE_MARKER_RECORDED", "markerRecordedEventAttributes": marker}
    usage = {"tokens": 5, "cost_nano": 7}
    listed = [
        started,
        *call(1, "completed", result={"payloads": [payload({"v": 1, "output": None, "usage": usage})]}),
        *call(2, "failed", **failed({"billed": "yes", "usage": usage})),
        *call(3, "failed", **failed({"billed": "no"})),
        *call(4, "failed", **failed({"billed": "who knows"})),
        *call(5, "timed_out"),
    ]
    history = WorkflowHistory.from_json("w", {"events": listed})
    assert model_uses([history]) == {"m-1": ModelUse(calls=5, tokens=10, cost_nano=14, uncertain=2, priced=False)}
