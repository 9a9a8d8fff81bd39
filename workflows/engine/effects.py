"""The order of what an agent's turn changes: effects one after another, each once those before it have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.model import Effect

if TYPE_CHECKING:
    from workflows.engine.agent_state import AgentState, ToolSlot
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation

FREE = (Effect.NONE.value, Effect.READ.value)
"""What leaves nothing behind starts at once."""


def has_turn(m: Machine, activation: Activation) -> bool:
    """Whether a call may start as far as its agent's other calls go."""
    if activation.agent is None:
        return True
    slot = slot_of(m.state.agents[activation.agent], activation)
    return slot is None or slot.effect in FREE or slot is next_effect(m.state.agents[activation.agent])


def next_effect(agent: AgentState) -> ToolSlot | None:
    """The first effect of the turn that has no final result."""
    return next((slot for slot in agent.slots if slot.effect not in FREE and slot.answer is None), None)


def slot_of(agent: AgentState, activation: Activation) -> ToolSlot | None:
    """The tool call that an activation is; null for a model call."""
    return next((slot for slot in agent.slots if slot.call == activation.id), None)
