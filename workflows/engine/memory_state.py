"""What a run remembers of itself for those who look back: the head of its audit, and all that it has met."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class AuditState:
    """Where the audit chain stands: how many records, and the digest of the last.

    `event` is the digest of what the run was told since then, `run` the execution that wrote the last record.
    """

    seq: int = 0
    head: str = ""
    event: str = ""
    run: str = ""


@dataclass(slots=True)
class SeenState:
    """What the run has met: each name once, in the order in which it came; `counts` is calls by name."""

    tools: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    effects: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    hosts: dict[str, int] = field(default_factory=dict)
    nodes: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    denials: int = 0
