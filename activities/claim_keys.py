"""The keys under which calls claim that they are made, and by which a sweep knows the claims of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator


def effect_key(key: str, generation: int) -> str:
    """What the effect of a call is claimed under, in whatever execution or attempt."""
    return _sha256(f"{key}~{generation}")


def unbilled_key(key: str, generation: int, attempt: int) -> str:
    """What is claimed by an attempt at a model call that was not billed."""
    return _sha256(f"{key}~{generation}~unbilled~{attempt}")


def begun_key(key: str, generation: int, run_id: str, attempt: int) -> str:
    """What is claimed by an attempt at a model call in one execution of a run."""
    return _sha256(f"{key}~{generation}~begun~{run_id}~{attempt}")


def claims_of_call(key: str, generation: int, run_id: str, attempts: int) -> Iterator[str]:
    """Every claim that a call may have made."""
    yield effect_key(key, generation)
    for attempt in range(1, attempts + 1):
        yield unbilled_key(key, generation, attempt)
        yield begun_key(key, generation, run_id, attempt)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
