"""The refusals that a run remembers, for whoever wants to know why nothing happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflows.contracts.pause import Refusal
    from workflows.engine.machine import Machine

KEEP_REFUSALS = 20


def keep(m: Machine, refusal: Refusal) -> None:
    """Keep a refusal where `view` shows it; the last 20 are kept."""
    m.state.refusals.append(refusal)
    del m.state.refusals[:-KEEP_REFUSALS]
