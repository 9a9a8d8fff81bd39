"""Digests that tie a call to what was decided about it, and an answer to what was asked.

The two that every call needs write their canonical JSON (RFC 8785) themselves, which is three times as
fast; a test holds them to `policies.canonical`.
"""

from __future__ import annotations

import hashlib
import json
from json.encoder import encode_basestring as quoted
from typing import TYPE_CHECKING

from policies.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PAUSE_DOMAIN = b"detent.pause.v1\0"


def decision_digest(  # noqa: PLR0913  one argument per field that the digest covers
    *,
    engine: int,
    kind: str,
    name: str,
    args_digest: str,
    tool_digest: str,
    policy: str,
    verdict: str,
    rules: Iterable[str],
) -> str:
    """The first 16 hex digits of SHA-256 over everything that a decision was about.

    `policy` is the prefix that stands in the call, so that whoever has the call can compute this again.
    """
    listed = ",".join([quoted(rule) for rule in rules])
    covered = (
        f'{{"args":{quoted(args_digest)},"engine":{engine:d},"kind":{quoted(kind)},"name":{quoted(name)},'
        f'"policy":{quoted(policy)},"rules":[{listed}],"tool":{quoted(tool_digest)},"verdict":{quoted(verdict)}}}'
    )
    return hashlib.sha256(covered.encode()).hexdigest()[:16]


def idempotency_key(*, namespace: str, workflow_id: str, first_run_id: str, call: str, args_digest: str) -> str:
    """The key that an effect is known by outside, 64 hex digits.

    `call` is `<activation>:<index>`. Stable over Temporal's retries, continue-as-new and a person's `retry`
    (graph-language: "same idempotency key"); a forked run has another workflow id, so it gets new keys.
    """
    parts = (namespace, workflow_id, first_run_id, call, args_digest)
    return hashlib.sha256(f"[{','.join([quoted(part) for part in parts])}]".encode()).hexdigest()


def text_digest(ask: str, show: str | None, error: Mapping[str, object] | None) -> str:
    """SHA-256 of what a question says in words: what its author, a tool or a model wrote."""
    written = json.dumps({"ask": ask, "show": show, "error": error}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()


def pause_digest(asked: dict[str, object]) -> str:
    """SHA-256 over the domain and the canonical form of exactly what a person is asked."""
    return hashlib.sha256(PAUSE_DOMAIN + canonical(asked)).hexdigest()
