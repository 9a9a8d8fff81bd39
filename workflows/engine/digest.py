"""Digests that tie a call to what was decided about it, and an answer to what was asked."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from policies.canonical import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Iterable

PAUSE_DOMAIN = b"detent.pause.v1\0"


def decision_digest(  # noqa: PLR0913  one argument per field that the digest covers
    *,
    engine: int,
    kind: str,
    name: str,
    args_digest: str,
    tool_digest: str,
    policy_digest: str,
    verdict: str,
    rules: Iterable[str],
) -> str:
    """The first 16 hex digits of SHA-256 over everything that a decision was about."""
    covered = {
        "engine": engine,
        "kind": kind,
        "name": name,
        "args": args_digest,
        "tool": tool_digest,
        "policy": policy_digest,
        "verdict": verdict,
        "rules": list(rules),
    }
    return digest(covered)[:16]


def idempotency_key(*, namespace: str, workflow_id: str, first_run_id: str, call: str, args_digest: str) -> str:
    """The key that an effect is known by outside, 64 hex digits.

    `call` is `<activation>:<index>`. Stable over Temporal's retries, continue-as-new and a person's `retry`
    (graph-language: "same idempotency key"); a forked run has another workflow id, so it gets new keys.
    """
    return digest([namespace, workflow_id, first_run_id, call, args_digest])


def pause_digest(asked: dict[str, object]) -> str:
    """SHA-256 over the domain and the canonical form of exactly what a person is asked."""
    return hashlib.sha256(PAUSE_DOMAIN + canonical(asked)).hexdigest()
