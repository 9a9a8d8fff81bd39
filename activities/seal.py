"""Seals: proofs that a worker with the deployment's key said something about a run."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from temporalio.api.common.v1 import Payload

KEY_BYTES = 32
SEAL_BYTES = 32

Kind = Literal["activity", "carry", "child", "admission", "message", "lease"]
"""What is sealed, each in a domain of its own: a seal of one kind is none of another."""

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)


@dataclass(frozen=True, slots=True)
class SealKeys:
    """The keys of a deployment, 32 bytes each. `current` seals; the `previous` one is still believed."""

    current: bytes = field(repr=False)
    previous: bytes | None = field(default=None, repr=False)

    def seal(self, kind: Kind, claim: Mapping[str, object]) -> bytes:
        """HMAC-SHA256 of the claim under the current key."""
        return hmac.digest(self.current, _said(kind, claim), hashlib.sha256)

    def holds(self, kind: Kind, claim: Mapping[str, object], seal: bytes | None) -> bool:
        """Whether the seal is of this very claim, under one of the live keys."""
        if seal is None or len(seal) != SEAL_BYTES:
            return False
        said = _said(kind, claim)
        keys = (self.current,) if self.previous is None else (self.current, self.previous)
        return any(hmac.compare_digest(hmac.digest(key, said, hashlib.sha256), seal) for key in keys)


def activity_claim(  # noqa: PLR0913  one argument per field that the seal covers
    *, namespace: str, workflow_id: str | None, run_id: str | None, activity_id: str, activity: str, given: str
) -> dict[str, object]:
    """What the seal of an activity is over; `given` is the digest of its arguments."""
    run = {"namespace": namespace, "workflow_id": workflow_id, "run_id": run_id}
    return {**run, "activity_id": activity_id, "activity": activity, "input": given}


def carry_claim(
    *, namespace: str, workflow_id: str, first_run_id: str, run_id: str, next_input: object
) -> dict[str, object]:
    """What the seal of a carry is over: `run_id` is the run that ends, `next_input` what the next one begins with."""
    run = {"namespace": namespace, "workflow_id": workflow_id, "first_run_id": first_run_id, "run_id": run_id}
    return {**run, "input": digest_of(next_input)}


def child_claim(
    *, namespace: str, parent_id: str, parent_run_id: str, workflow_id: str, child_input: object
) -> dict[str, object]:
    """What the seal of a child's start is over."""
    parent = {"namespace": namespace, "parent_id": parent_id, "parent_run_id": parent_run_id}
    return {**parent, "workflow_id": workflow_id, "input": digest_of(child_input)}


def admission_claim(
    *, namespace: str, workflow_id: str, request: str, result: Mapping[str, object]
) -> dict[str, object]:
    """What the seal of an admission is over: the digest of what was asked, and the answer without its seal.

    The request holds the run's input and ids, so no answer given to one history is good for another.
    """
    answer = {name: value for name, value in result.items() if name != "seal"}
    run = {"namespace": namespace, "workflow_id": workflow_id}
    return {**run, "request": request, "result": digest_of(answer)}


def lease_claim(  # noqa: PLR0913  one argument per field that the seal covers
    *,
    namespace: str,
    workflow_id: str | None,
    history: str,
    activity_id: str,
    asked: object,
    reply: Mapping[str, object],
) -> dict[str, object]:
    """What the seal of a reply about a lease is over: `history` is the execution that a run's history began as.

    A history holds the reply and not the seal of the ledger that gave it, so whoever passes it on seals it anew.
    """
    said = {name: value for name, value in reply.items() if name != "seal"}
    run = {"namespace": namespace, "workflow_id": workflow_id, "history": history, "activity_id": activity_id}
    return {**run, "asked": digest_of(asked), "reply": digest_of(said)}


def digest_of(value: object) -> str:
    """SHA-256 of a JSON value, 64 hex digits: equal for what a converter writes and what it reads back.

    Not of its canonical form (`policies.canonical`): that knows no nesting over 64, and a run's state may have it.
    """
    return hashlib.sha256(_ENCODER.encode(value).encode()).hexdigest()


def digest_of_payloads(payloads: Sequence[Payload]) -> str:
    """SHA-256 of arguments exactly as they travel, 64 hex digits."""
    found = hashlib.sha256()
    for payload in payloads:
        encoding = payload.metadata.get("encoding", b"")
        found.update(b"%d %d " % (len(encoding), len(payload.data)))
        found.update(encoding)
        found.update(payload.data)
    return found.hexdigest()


def as_text(seal: bytes) -> str:
    """A seal as text, where it stands in JSON."""
    return base64.b64encode(seal).decode()


def from_text(text: object) -> bytes | None:
    """The seal that a text holds; null for whatever else it is."""
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        return None


def _said(kind: Kind, claim: Mapping[str, object]) -> bytes:
    return b"detent.seal.%s.v1\0%s" % (kind.encode(), _ENCODER.encode(claim).encode())
