"""What people provided to an agent beyond what its node names: tools, skills, and the right to ask for these tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.language.asked import agents_own
from workflows.language.graph import AgentNode

if TYPE_CHECKING:
    from policies.capability import CapabilitySet
    from workflows.engine.agent_state import AgentState
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation


def asked_of(m: Machine, activation: Activation) -> CapabilitySet:
    """What a call may ask for: its node's, and of an agent's tools also those that it was provided with.

    Of these, too, only what the graph asks for: whoever provides a tool widens no graph.
    """
    node = m.node_of(activation)
    agent = None if activation.agent is None else m.state.agents.get(activation.agent)
    if not isinstance(node, AgentNode) or agent is None or not agent.extra:
        return node.capabilities
    return agents_own(node.asked, (*node.tools, *agent.extra))


def skills_of(node: AgentNode, agent: AgentState) -> tuple[str, ...]:
    """The names of the skills that an agent has, each once."""
    return tuple(dict.fromkeys((*node.skills, *agent.skills)))


def take(m: Machine, agent: AgentState, kind: str, name: str) -> str:
    """The agent has what it was provided with from here on; what it is told of that."""
    if kind == "skill" and name in m.card.skills:
        if name not in agent.skills:
            agent.skills.append(name)
        return f": {m.card.skills[name].description} Read it with `load_skill`."
    if kind == "tool" and name in m.card.tools:
        agent.without = [one for one in agent.without if one != name]
        if name not in agent.extra:
            agent.extra.append(name)
    return "."
