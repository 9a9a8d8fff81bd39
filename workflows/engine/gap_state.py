"""What a run remembers of what it lacks: plain data, so that a snapshot holds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

GapKind = Literal["tool", "skill", "mcp_server", "agent", "model", "credential", "capability", "tool_changed"]
GAP_KINDS: tuple[GapKind, ...] = (
    "tool",
    "skill",
    "mcp_server",
    "agent",
    "model",
    "credential",
    "capability",
    "tool_changed",
)


@dataclass(slots=True)
class GapState:
    """Something that the run lacks, and those who wait for it.

    `key` is `kind:name:digest` (the digest of what is there of a thing that changed, else empty). `waiters` are
    activations; `asker` is the agent's or node's activation that found it, `reason` in whose words. `pause` is the
    pause that asks for it; `probing` while the worker looks, for `by`; `failed` is what it said the last time.
    """

    key: str
    kind: GapKind
    name: str
    reason: str
    asker: str
    source: Literal["load", "request_capability", "unknown_name", "failures", "call"]
    digest: str = ""
    example: dict[str, object] | None = None
    diff: str = ""
    waiters: list[str] = field(default_factory=list)
    pause: str = ""
    probing: bool = False
    by: str = ""
    failed: str = ""
