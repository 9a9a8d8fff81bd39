"""Evidence of people's yes that a call may rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.capability import CapabilitySet
    from workflows.engine.machine import Machine
    from workflows.engine.state import CallState, GrantState, PermitState


def find(m: Machine, call: CallState) -> PermitState | None:
    """The yes that covers a call: its own, else one of scope `run`, else a standing approval."""
    del m
    return call.permit


def granted(m: Machine) -> CapabilitySet | None:
    """What people granted to the run beyond the policy; null for nothing."""
    del m
    return None


def grants_of(m: Machine, call: CallState) -> list[GrantState]:
    """The grants that a call rests on."""
    del m, call
    return []
