"""What a run lacks: one question for each thing, however many wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from workflows.engine.events import Probed
    from workflows.engine.gap_state import GapKind
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation


@dataclass(frozen=True, slots=True)
class Lack:
    """What is lacking, and how that was found; `example` is an input that it would have been given."""

    kind: GapKind
    name: str
    reason: str
    source: Literal["load", "request_capability", "unknown_name", "failures", "call"]
    example: dict[str, object] | None = None
    digest: str = ""
    diff: str = ""


def lack(m: Machine, waiter: Activation, what: Lack) -> str | None:
    """Hold an activation until people have dealt with what it lacks; why they are not asked, null where they are.

    What was lacking is said to the activation by a step: `Requeue` where a call of its waits (`activation.call`); of
    an agent's call without one, and where it is not to be had, `Resolved`; other nodes get `Restart`, `Succeed`
    (skipped) or `Fail`.
    """
    raise NotImplementedError


def drop_waiter(m: Machine, activation: Activation) -> None:
    """An activation that waits for a gap is gone; the last one takes its question with it."""
    raise NotImplementedError


def probed(m: Machine, event: Probed) -> None:
    """The worker has looked: what it found is pinned, and those who wait go on."""
    raise NotImplementedError
