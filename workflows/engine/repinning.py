"""Going on under another policy: what was allowed by the old one is void, and what is open is asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflows.engine.events import Repinned
    from workflows.engine.machine import Machine


def repin(m: Machine, event: Repinned) -> None:
    """Take the policy of the event, void run approvals and grants, ask open pauses again."""
    raise NotImplementedError((m, event))
