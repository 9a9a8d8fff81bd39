"""What a history says a run asked Temporal for, beside what the run asks for when it is replayed.

Temporal's replay compares types and ids alone, so an argument, a memo, an answer's receipt or a result that somebody
changed would pass. What it leaves out and so do we: headers, summaries, identities, attempts between, and times,
which a replay does not give back to the millisecond (ADR 0015).
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.timeless import timeless, timeless_evidence
from workflows.contracts.names import MEMO_AUDIT, MEMO_RESULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from temporalio.api.common.v1 import Payload
    from temporalio.api.failure.v1 import Failure
    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.bridge.proto.workflow_commands import WorkflowCommand
    from temporalio.client import WorkflowHistory

    from cli.recording import Tape

UNSIGNED = ("key", "signature")
"""Of a head: the worker's word, which no replay gives again."""
NOTHING = "nothing of the kind"
LATER = frozenset({"tool", "fallback"})
"""Fields of a call that came after engine 2: an older history says nothing of them."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One thing that a run asked for: as it is recorded, and as the replay makes it. `seq` counts audit records."""

    event: int
    what: str
    recorded: Any
    made: Any


def pairs(history: WorkflowHistory, tape: Tape) -> Iterator[Pair]:
    """Every event that a run's own commands gave, in order, each with the command of the replay."""
    made = _Made(tape.commands, history.events)
    for event in history.events:
        look = _LOOKS.get(event.WhichOneof("attributes") or "")
        if look is not None:
            yield look(made, event)


def difference(recorded: object, made: object, path: str = "") -> str | None:
    """Where two JSON values first differ, `.` for the whole; null if nowhere.

    A field that only the replay has is no difference where it is empty: it is younger than the history.
    """
    if isinstance(recorded, dict) and isinstance(made, dict):
        for key in sorted(recorded.keys() | made.keys()):
            place = f"{path}.{key}" if path else str(key)
            if key not in recorded and not made[key]:
                continue
            found = difference(recorded[key], made[key], place) if key in recorded and key in made else place
            if found is not None:
                return found
        return None
    if isinstance(recorded, list) and isinstance(made, list) and len(recorded) == len(made):
        both = enumerate(zip(recorded, made, strict=True))
        places = (difference(one, other, f"{path}[{at}]") for at, (one, other) in both)
        return next((place for place in places if place is not None), None)
    same = type(recorded) is type(made) and recorded == made
    return None if same else path or "."


def value_of(payload: Payload) -> Any:  # noqa: ANN401 - any JSON
    """A payload's JSON; what is no JSON stands as its bytes in hex."""
    if payload.metadata.get("encoding") == b"binary/null":
        return None
    try:
        return json.loads(payload.data)
    except (ValueError, RecursionError):
        return payload.data.hex()


def values(payloads: Sequence[Payload]) -> list[Any]:
    """All of them."""
    return [value_of(payload) for payload in payloads]


def _as_then(made: list[Any], recorded: list[Any]) -> list[Any]:
    """What was made without what calls did not have yet when this one was recorded; nothing is decided by it."""
    if len(made) != len(recorded) or not all(isinstance(values[-1], dict) for values in (made, recorded)):
        return made
    call = {name: value for name, value in made[-1].items() if name not in LATER or name in recorded[-1]}
    return [*made[:-1], call]


class _Made:
    """The commands of a replay, to be asked for in the order of the events that they gave."""

    def __init__(self, commands: Sequence[WorkflowCommand], events: Sequence[HistoryEvent]) -> None:
        self._by_kind: dict[str, deque[Any]] = {}
        self._activities: dict[str, Any] = {}
        self._timers: dict[str, Any] = {}
        self._updates: dict[str, Any] = {}
        self._events = events
        for command in commands:
            kind = command.WhichOneof("variant") or ""
            self._file(kind, getattr(command, kind))

    def _file(self, kind: str, body: Any) -> None:  # noqa: ANN401 - a message of any kind
        if kind == "schedule_activity":
            self._activities[body.activity_id] = body
        elif kind == "start_timer":
            self._timers[str(body.seq)] = body
        elif kind == "update_response":
            if not body.HasField("accepted"):
                self._updates[body.protocol_instance_id] = body
        else:
            self._by_kind.setdefault(kind, deque()).append(body)

    def activity(self, event: HistoryEvent) -> Pair:
        found = event.activity_task_scheduled_event_attributes
        body = self._activities.pop(found.activity_id, None)
        recorded = [found.activity_type.name, *values(found.input.payloads)]
        made = NOTHING if body is None else _as_then([body.activity_type, *values(body.arguments)], recorded)
        what = f"the input of `{found.activity_id}`"
        return Pair(event.event_id, what, timeless_evidence(recorded), timeless_evidence(made))

    def timer(self, event: HistoryEvent) -> Pair:
        found = event.timer_started_event_attributes
        body = self._timers.pop(found.timer_id, None)
        made = NOTHING if body is None else body.start_to_fire_timeout.ToJsonString()
        return Pair(event.event_id, "a timer", found.start_to_fire_timeout.ToJsonString(), made)

    def attributes(self, event: HistoryEvent) -> Pair:
        found = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
        body = self._next("upsert_workflow_search_attributes")
        made = NOTHING if body is None else _map(body.search_attributes.indexed_fields)
        return Pair(event.event_id, "the set of search attributes", _map(found), made)

    def memo(self, event: HistoryEvent) -> Pair:
        found = event.workflow_properties_modified_event_attributes.upserted_memo.fields
        body = self._next("modify_workflow_properties")
        made = NOTHING if body is None else _unsigned_memo(_map(body.upserted_memo.fields))
        return Pair(event.event_id, "the memo", _unsigned_memo(_map(found)), made)

    def update(self, event: HistoryEvent) -> Pair:
        found = event.workflow_execution_update_completed_event_attributes
        accepted = self._events[found.accepted_event_id - 1].workflow_execution_update_accepted_event_attributes
        body = self._updates.pop(accepted.protocol_instance_id, None)
        recorded = (
            _failed(found.outcome.failure)
            if found.outcome.HasField("failure")
            else values(found.outcome.success.payloads)
        )
        made: Any = NOTHING
        if body is not None:
            made = _failed(body.rejected) if body.HasField("rejected") else [value_of(body.completed)]
        return Pair(event.event_id, "what an update was told", recorded, made)

    def completed(self, event: HistoryEvent) -> Pair:
        found = event.workflow_execution_completed_event_attributes.result.payloads
        body = self._next("complete_workflow_execution")
        made = NOTHING if body is None else [_unsigned(value_of(body.result))]
        return Pair(event.event_id, "the result", [_unsigned(value) for value in values(found)], made)

    def failed(self, event: HistoryEvent) -> Pair:
        found = event.workflow_execution_failed_event_attributes.failure
        body = self._next("fail_workflow_execution")
        made = NOTHING if body is None else _failed(body.failure)
        return Pair(event.event_id, "the failure", _failed(found), made)

    def carried(self, event: HistoryEvent) -> Pair:
        found = event.workflow_execution_continued_as_new_event_attributes.input.payloads
        body = self._next("continue_as_new_workflow_execution")
        made = NOTHING if body is None else timeless(values(body.arguments))
        return Pair(event.event_id, "the carry", timeless(values(found)), made)

    def _next(self, kind: str) -> Any:  # noqa: ANN401 - a message of any kind
        waiting = self._by_kind.get(kind)
        return waiting.popleft() if waiting else None


_LOOKS: dict[str, Callable[[_Made, HistoryEvent], Pair]] = {
    "activity_task_scheduled_event_attributes": _Made.activity,
    "timer_started_event_attributes": _Made.timer,
    "upsert_workflow_search_attributes_event_attributes": _Made.attributes,
    "workflow_properties_modified_event_attributes": _Made.memo,
    "workflow_execution_update_completed_event_attributes": _Made.update,
    "workflow_execution_completed_event_attributes": _Made.completed,
    "workflow_execution_failed_event_attributes": _Made.failed,
    "workflow_execution_continued_as_new_event_attributes": _Made.carried,
}


def _map(fields: Any) -> dict[str, Any]:  # noqa: ANN401 - protobuf's own map
    return {name: value_of(payload) for name, payload in fields.items()}


def _failed(failure: Failure) -> list[Any]:
    found = failure.application_failure_info
    return [failure.message, found.type, *(_unsigned(value) for value in values(found.details.payloads))]


def _unsigned_memo(memo: dict[str, Any]) -> dict[str, Any]:
    found = {name: _unsigned(value) if name == MEMO_RESULT else value for name, value in memo.items()}
    head = found.get(MEMO_AUDIT)
    return {**found, MEMO_AUDIT: _bare(head)} if isinstance(head, dict) else found


def _unsigned(view: Any) -> Any:  # noqa: ANN401 - a view, if it is one
    """A view without its signature and times, and without the execution's id, which a reset changes."""
    if not isinstance(view, dict):
        return view
    kept = timeless({name: value for name, value in view.items() if name != "run_id"})
    return {**kept, "audit": _bare(kept["audit"])} if isinstance(kept.get("audit"), dict) else kept


def _bare(head: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in head.items() if name not in UNSIGNED}
