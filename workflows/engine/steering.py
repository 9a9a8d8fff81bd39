"""What people tell an agent while it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflows.engine.events import Steered
    from workflows.engine.machine import Machine


def steer(m: Machine, event: Steered) -> None:
    """Say it to the agent after the results of its turn."""
    raise NotImplementedError
