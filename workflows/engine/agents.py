"""The agent loop: context, model, gate, tools, append, stop test."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation
    from workflows.engine.steps import Resolved
    from workflows.language.graph import AgentNode


def start(m: Machine, activation: Activation, node: AgentNode) -> None:
    """Begin a visit of an agent node."""
    raise NotImplementedError


def resolved(m: Machine, activation: Activation, step: Resolved) -> None:
    """What a call of an agent waited for is there, or is not to be had."""
    raise NotImplementedError
