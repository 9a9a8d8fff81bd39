"""Which bytes a worker signs when it signs the head of a run's audit."""

from __future__ import annotations

from policies.canonical import canonical

HEAD_DOMAIN = b"detent.audit.head.v1\0"


def head_bytes(*, namespace: str, workflow_id: str, first_run_id: str, seq: int, head: str) -> bytes:
    """The domain and the canonical form of a head with the run that it is of."""
    covered = {
        "namespace": namespace,
        "workflow_id": workflow_id,
        "first_run_id": first_run_id,
        "seq": seq,
        "head": head,
    }
    return HEAD_DOMAIN + canonical(covered)
