"""Heads of the audit that a history holds, and what they prove to somebody who knows one, or knows the worker's key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cli.comparing import value_of, values
from policies.audit_heads import head_bytes
from policies.signing import verify
from workflows.contracts.names import MEMO_AUDIT, MEMO_RESULT
from workflows.contracts.run import AuditView

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from temporalio.api.history.v1 import HistoryEvent

    from cli.recording import Recorded

LEAST_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Head:
    """A head as a history states it."""

    event: int
    file: str
    view: AuditView


@dataclass(frozen=True, slots=True)
class Proof:
    """How far somebody's word reaches: the last record that it covers, or why it covers none."""

    seq: int
    flaw: str | None = None


PLACES = (
    ("audit",),
    ("audit", "head"),
    (MEMO_AUDIT, "head"),
    (MEMO_RESULT, "audit", "head"),
    ("carry", "snapshot", "state", "audit", "head"),
)
"""Where heads stand: in a call, in a view, in the memo, in the result that a cancelled run leaves there, in a carry."""


def head_of(value: object) -> str | None:
    """The head, or its beginning, in what a run asked for; null where there is none."""
    for item in value if isinstance(value, list) else [value]:
        for place in PLACES:
            found: object = item
            for name in place:
                found = found.get(name) if isinstance(found, dict) else None
            if isinstance(found, str) and found:
                return found
    return None


def told_heads(events: Iterable[HistoryEvent], file: str) -> list[Head]:
    """The heads that a run told the server, in memos and at its end, with their signatures."""
    found = []
    for event in events:
        for value in _told(event):
            views = (_view(value.get(MEMO_AUDIT)), _view(value.get("audit")), _view(_inner(value)))
            found += [Head(event.event_id, file, view) for view in views if view is not None]
    return found


def _told(event: HistoryEvent) -> list[dict[str, Any]]:
    kind = event.WhichOneof("attributes")
    found: list[Any] = []
    if kind == "workflow_properties_modified_event_attributes":
        fields = event.workflow_properties_modified_event_attributes.upserted_memo.fields
        found = [{name: value_of(payload) for name, payload in fields.items()}]
    elif kind == "workflow_execution_completed_event_attributes":
        found = values(event.workflow_execution_completed_event_attributes.result.payloads)
    elif kind == "workflow_execution_failed_event_attributes":
        failure = event.workflow_execution_failed_event_attributes.failure
        found = values(failure.application_failure_info.details.payloads)
    return [value for value in found if isinstance(value, dict)]


def _inner(value: dict[str, Any]) -> object:
    result = value.get(MEMO_RESULT)
    return result.get("audit") if isinstance(result, dict) else None


def by_head(records: Sequence[Recorded], head: str) -> Proof:
    """What follows from a head that somebody kept elsewhere: all records up to the one that it is the digest of."""
    found = next((record for record in reversed(records) if record.head.startswith(head.lower())), None)
    if found is None:
        return Proof(0, f"no record of these histories has the head `{head}`: something was changed, or cut off")
    return Proof(found.seq)


def by_key(  # noqa: PLR0913  one argument per part of what was signed
    heads: Sequence[Head], key: str, *, namespace: str, workflow_id: str, first_run_id: str, closed: bool
) -> Proof:
    """What follows from the heads that a worker signed: all records up to the last of them."""
    signed = [head for head in heads if head.view.signature is not None]
    for head in signed:
        data = head_bytes(
            namespace=namespace,
            workflow_id=workflow_id,
            first_run_id=first_run_id,
            seq=head.view.seq,
            head=head.view.head,
        )
        if not verify(key, data, head.view.signature or ""):
            return Proof(0, f"event {head.event} of `{head.file}`: the head is not signed with this key")
    if not signed:
        return Proof(0, "no head in these histories is signed")
    last = max(head.view.seq for head in signed)
    if closed and heads[-1].view.signature is None:
        return Proof(last, "the run is closed, and its last head is not signed")
    return Proof(last)


def _view(value: object) -> AuditView | None:
    try:
        return AuditView.model_validate(value) if isinstance(value, dict) and value.get("head") else None
    except ValidationError:
        return None
