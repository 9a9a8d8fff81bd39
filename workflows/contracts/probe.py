"""A look for something that a run lacks, by a worker of its queue: the argument and the result of `run.probe`."""

from __future__ import annotations

from typing import Any

from workflows.contracts.wire import Wire


class Wanted(Wire):
    """What is looked for, for a run of which tenant."""

    v: int = 1
    kind: str
    name: str
    tenant: str


class Found(Wire):
    """The card of what is there, null for a key, whose value nobody is told; or why it is not there."""

    v: int = 1
    card: dict[str, Any] | None = None
    failed: str | None = None
