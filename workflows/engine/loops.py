"""Where the loop guard's memory of a call's surroundings is: with its agent, else with its frame (ADR 0013)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflows.engine.agent_state import AgentState
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, Frame


def looping(m: Machine, activation: Activation) -> AgentState | Frame:
    """What remembers the calls before this one, in `loop`."""
    return m.frame_of(activation) if activation.agent is None else m.state.agents[activation.agent]
