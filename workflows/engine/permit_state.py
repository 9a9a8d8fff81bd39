"""What a run keeps of people's yes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from policies.model import Trigger


@dataclass(slots=True)
class PermitState:
    """A person's yes: to one call, spent when the call starts, or with scope `run` to every call that it covers.

    `asked` is what the pause's digest covers, `answers` the answers as they came.
    """

    pause: str
    triggers: tuple[Trigger, ...]
    by: str
    digest: str
    outcome: str = "approve"
    scope: Literal["once", "run", "tenant"] = "once"
    asked: dict[str, object] = field(default_factory=dict)
    answers: list[dict[str, object]] = field(default_factory=list)


@dataclass(slots=True)
class GrantState:
    """Capabilities that people granted to the run, with the evidence."""

    capabilities: list[str]
    permit: PermitState
