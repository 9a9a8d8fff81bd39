"""What each model used in a run, from the calls in its histories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cli.comparing import values
from workflows.contracts.calls import Bill, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.client import WorkflowHistory

MODEL = "model."
ENDS = {
    "activity_task_completed_event_attributes",
    "activity_task_failed_event_attributes",
    "activity_task_timed_out_event_attributes",
    "activity_task_canceled_event_attributes",
}


@dataclass(slots=True)
class ModelUse:
    """What a model used. `uncertain` are calls that may have been billed; the run's own budget counts their worst."""

    calls: int = 0
    tokens: int = 0
    cost_nano: int = 0
    uncertain: int = 0
    priced: bool = True


def model_uses(histories: Iterable[WorkflowHistory]) -> dict[str, ModelUse]:
    """By the provider's id of the model."""
    uses: dict[str, ModelUse] = {}
    free: set[str] = set()
    for history in histories:
        asked: dict[int, str] = {}
        for event in history.events:
            free |= _unpriced(event)
            model = _scheduled(event)
            if model is not None:
                asked[event.event_id] = model
                uses.setdefault(model, ModelUse()).calls += 1
            elif event.WhichOneof("attributes") in ENDS:
                _end(uses, asked, event)
    for model, use in uses.items():
        use.priced = model not in free
    return uses


def _scheduled(event: HistoryEvent) -> str | None:
    found = event.activity_task_scheduled_event_attributes
    if not found.activity_type.name.startswith(MODEL):
        return None
    args = _dict(_first(values(found.input.payloads))).get("args")
    return str(_dict(args).get("model", found.activity_type.name))


def _end(uses: dict[str, ModelUse], asked: dict[int, str], event: HistoryEvent) -> None:
    kind = event.WhichOneof("attributes") or ""
    body = getattr(event, kind)
    model = asked.get(body.scheduled_event_id)
    if model is None:
        return
    usage, certain = _bill(kind, body)
    use = uses[model]
    use.tokens += usage.tokens
    use.cost_nano += usage.cost_nano
    use.uncertain += 0 if certain else 1


def _bill(kind: str, body: Any) -> tuple[Usage, bool]:  # noqa: ANN401 - the attributes of any event
    """What a call's end says that it used, and whether it says so at all."""
    if kind == "activity_task_completed_event_attributes":
        return _usage(_dict(_first(values(body.result.payloads))).get("usage")), True
    if kind != "activity_task_failed_event_attributes":
        return Usage(), False
    details = values(body.failure.application_failure_info.details.payloads)
    try:
        bill = Bill.model_validate(_dict(_first(details)))
    except ValidationError:
        bill = Bill()
    return (bill.usage or Usage()) if bill.billed == "yes" else Usage(), bill.billed != "maybe"


def _usage(value: object) -> Usage:
    try:
        return Usage.model_validate(value or {})
    except ValidationError:
        return Usage()


def _unpriced(event: HistoryEvent) -> set[str]:
    """The models of a run card that have no price."""
    marker = event.marker_recorded_event_attributes
    if "result" not in marker.details:
        return set()
    models = _dict(_dict(_first(values(marker.details["result"].payloads))).get("models")).values()
    return {str(_dict(card).get("model")) for card in models if _dict(card).get("priced") is False}


def _first(found: list[Any]) -> object:
    return found[0] if found else None


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
