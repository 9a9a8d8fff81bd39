"""The audit chain: each record holds the digest of the one before it, so none can be changed, removed or moved."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from policies.canonical import canonical

if TYPE_CHECKING:
    from policies.budget import Amount
    from workflows.engine.machine import Machine

DOMAIN = b"detent.audit.v1\0"
HEAD_DIGITS = 16
"""How many hex digits of the head ride in each call."""


def note(m: Machine, kind: str, **fields: object) -> None:
    """Append one record {seq, prev, kind, at_event, …}; the fields are JSON."""
    chain = m.state.audit
    record = {"seq": chain.seq + 1, "prev": chain.head, "kind": kind, "at_event": m.state.events, **fields}
    chain.head = hashlib.sha256(DOMAIN + canonical(record)).hexdigest()
    chain.seq += 1
    if m.observer is not None:
        m.observer.recorded(record)


def issued(m: Machine, call: str, name: str, decision: dict[str, object], pause: str | None) -> None:
    """A call is about to start; `decision` is what rides in it."""
    note(m, "decided", call=call, name=name, **decision, **({} if pause is None else {"pause": pause}))


def settled(m: Machine, call: str, status: str, used: Amount, result: str | None) -> None:
    """A call has ended; `result` is the digest of its output or failure, null where it was given up."""
    note(m, "settled", call=call, status=status, tokens=used.tokens, cost_nano=used.cost_nano, result=result)


def head(m: Machine) -> str:
    """The beginning of the head, as calls carry it."""
    return m.state.audit.head[:HEAD_DIGITS]
