"""The audit chain: each record holds the digest of the one before it, so none can be changed, removed or moved.

What is chained are records (`audit_records`) and, through their `event`, everything that the run was told: the
chain is a pure function of a history, and whoever replays the history has it again. Times stand beside it, and what
is made of them: near a local activity a replay gives them back some milliseconds off (ADR 0015). The records that every
call brings write their canonical JSON (RFC 8785) themselves; a test holds them to `policies.canonical`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from json.encoder import encode_basestring as quoted
from typing import TYPE_CHECKING

from pydantic import BaseModel

from policies.canonical import NotCanonical, canonical
from workflows.contracts.names import ENGINE
from workflows.contracts.run import AuditView
from workflows.engine.events import CallSucceeded

if TYPE_CHECKING:
    from policies.budget import Amount
    from workflows.contracts.calls import Usage
    from workflows.engine.events import CarryResumed, Event, RunStarted
    from workflows.engine.machine import Machine

DOMAIN = b"detent.audit.v1\0"
EVENT_DOMAIN = b"detent.audit.event.v1\0"
HEAD_DIGITS = 16
"""How many hex digits of the head ride in each call."""
TIME = "at_ms"
LATER = frozenset({"card", "lacks", "request"})
"""Parts that events got later: left out where they are empty, so that the heads of older histories hold."""
TIMED = {"pause": ("deadline", "digest"), "escalated": ("digest",), "answered": ("digest",)}
"""What stands beside a record because a time is in it: a pause's digest covers its deadline."""
NOTHING_BESIDE: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Parent:
    """The run that started this one, and the head of its chain when it did."""

    workflow_id: str
    run_id: str
    head: str


def take(m: Machine, event: Event) -> None:
    """Hold what the run is told until the next record, which covers it. A call's output is in its `settled`."""
    chain = m.state.audit
    told = chain.event.encode() + _told(event)
    chain.event = hashlib.sha256(EVENT_DOMAIN + told).hexdigest()


def note(m: Machine, kind: str, **fields: object) -> None:
    """Append one record of a kind; its fields are JSON, and never values, arguments or secrets."""
    chain = m.state.audit
    timed = TIMED.get(kind, ())
    record: dict[str, object] = {
        "seq": chain.seq + 1,
        "prev": chain.head,
        "kind": kind,
        "at_event": m.state.events,
        **{name: value for name, value in fields.items() if name not in timed},
    }
    if chain.event:
        record["event"] = chain.event
    _append(m, _written(record), {name: value for name, value in fields.items() if name in timed})


def genesis(m: Machine, event: RunStarted, parent: Parent | None = None) -> None:
    """The first record: which run this is, what it was started with, under which policy, by whom, for which parent."""
    starter = m.card.starter
    above = {} if parent is None else {"parent": {name.name: getattr(parent, name.name) for name in fields(parent)}}
    m.state.audit.run = event.run_id
    note(
        m,
        "admitted",
        engine=ENGINE,
        namespace=m.run.namespace,
        workflow_id=m.run.workflow_id,
        first_run_id=m.run.first_run_id,
        tenant=m.card.tenant,
        graph=m.graph.digest,
        policy=m.card.policy_digest,
        sent=event.sent,
        card=event.card,
        starter=None if starter is None else f"{starter.assurance}:{starter.id}",
        **above,
    )


def resumed(m: Machine, event: CarryResumed) -> None:
    """The first record of a later execution, which names the one before; nothing where the run was only drained."""
    chain = m.state.audit
    if event.run_id:
        note(m, "carried", run=chain.run, run_id=event.run_id, sent=event.sent)
        chain.run = event.run_id


def child_ended(m: Machine, child: Parent, records: int) -> None:
    """Take up the last head of a child's own chain."""
    note(m, "child", workflow_id=child.workflow_id, run_id=child.run_id, head=child.head, records=records)


def issued(m: Machine, call: str, name: str, decision: dict[str, object], pause: str | None) -> None:
    """A call is about to start; `decision` is what rides in it."""
    chain, state = m.state.audit, m.state
    rules = decision["rules"]
    assert isinstance(rules, list), "a decision names its rules"
    listed = ",".join([quoted(rule) for rule in rules])
    permit = "" if pause is None else f'"pause":{quoted(pause)},'
    _append(
        m,
        f'{{"at_event":{state.events},"call":{quoted(call)},'
        f'"digest":"{decision["digest"]}",{_event(m)}"kind":"decided","name":{quoted(name)},{permit}'
        f'"policy":"{decision["policy"]}","prev":"{chain.head}","rules":[{listed}],"seq":{chain.seq + 1},'
        f'"verdict":"{decision["verdict"]}"}}',
    )


def settled(m: Machine, call: str, status: str, used: Amount, result: str | None) -> None:
    """A call has ended; `result` is the digest of its output or failure, null where it was given up."""
    chain, state = m.state.audit, m.state
    found = "null" if result is None else quoted(result)
    _append(
        m,
        f'{{"at_event":{state.events},"call":{quoted(call)},"cost_nano":{used.cost_nano},'
        f'{_event(m)}"kind":"settled","prev":"{chain.head}","result":{found},"seq":{chain.seq + 1},'
        f'"status":{quoted(status)},"tokens":{used.tokens}}}',
    )


def digest_of(value: object) -> str:
    """SHA-256 of a JSON value, whatever it holds."""
    return hashlib.sha256(_written(value).encode("utf-8", "surrogatepass")).hexdigest()


def head(m: Machine) -> str:
    """The beginning of the head, as calls carry it."""
    return m.state.audit.head[:HEAD_DIGITS]


def view(m: Machine) -> AuditView:
    """Where the chain stands."""
    return AuditView(seq=m.state.audit.seq, head=m.state.audit.head)


def _event(m: Machine) -> str:
    return f'"event":"{m.state.audit.event}",' if m.state.audit.event else ""


def _append(m: Machine, written: str, beside: Mapping[str, object] = NOTHING_BESIDE) -> None:
    chain = m.state.audit
    chain.head = hashlib.sha256(DOMAIN + written.encode("utf-8", "surrogatepass")).hexdigest()
    chain.seq += 1
    chain.event = ""
    if m.observer is not None:
        m.observer.recorded(json.loads(written), chain.head, {"at_ms": m.state.now_ms, **beside})


def _written(value: object) -> str:
    """Canonical JSON; what has no canonical form is written as Python writes JSON, and never raises."""
    try:
        return canonical(value).decode()
    except NotCanonical:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _told(event: Event) -> bytes:
    if isinstance(event, CallSucceeded):
        labels = ",".join([quoted(label) for label in event.labels])
        used = "null" if event.usage is None else _usage(event.usage)
        text = f'{{"call":{quoted(event.call)},"labels":[{labels}],"usage":{used}}}'
        return text.encode("utf-8", "surrogatepass")
    said = {field.name: _plain(getattr(event, field.name)) for field in fields(event) if field.name != TIME}
    told = {name: value for name, value in said.items() if value or name not in LATER}
    return f"{type(event).__name__}{_written(told)}".encode("utf-8", "surrogatepass")


def _usage(usage: Usage) -> str:
    return (
        f'{{"cache_read_tokens":{usage.cache_read_tokens},"cache_write_tokens":{usage.cache_write_tokens},'
        f'"cost_nano":{usage.cost_nano},"input_tokens":{usage.input_tokens},"latency_ms":{usage.latency_ms},'
        f'"output_tokens":{usage.output_tokens},"tokens":{usage.tokens}}}'
    )


def _plain(value: object) -> object:
    """A part of an event as JSON. Defaults are left out of models: they may get more fields."""
    return value.model_dump(mode="json", exclude_defaults=True) if isinstance(value, BaseModel) else value
