"""What people tell an agent while it works: it reads it after the results of its turn, and it answers no question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engine import agent_tools, auditing, slots
from workflows.engine.controls import spend
from workflows.engine.steps import Advance

if TYPE_CHECKING:
    from workflows.engine.events import Steered
    from workflows.engine.machine import Machine


MOST = 64 * 1024
"""Characters that may wait to be read: all of them go into one call, and are paid for."""


def why_no_agent(m: Machine, agent: str | None) -> str | None:
    """Why nobody can be told anything, or it is not clear whom. `agent`: a node or an activation."""
    found = _meant(m, agent)
    if len(found) == 1:
        waiting = sum(len(str(part.get("text", ""))) for part in m.state.agents[found[0]].news.content)
        return f"the agent has not read yet what it was told before, {waiting:,} characters" if waiting > MOST else None
    there = ", ".join(f"`{name}`" for name in m.state.agents) or "none"
    if not found:
        return f"no agent{'' if agent is None else f' `{agent}`'} is at work; at work: {there}"
    return f"several agents are at work: {there}; say which"


def _meant(m: Machine, agent: str | None) -> list[str]:
    live = [name for name, state in m.state.agents.items() if state.failing is None]
    if agent is None:
        return live
    return [name for name in live if agent in (name, m.state.activations[name].node)]


def steer(m: Machine, event: Steered) -> None:
    """Say it to the agent. With `interrupt`, what it wanted and has not begun is not done any more."""
    found = _meant(m, event.agent)
    if len(found) != 1:  # it has ended since it was asked whether it could be told
        auditing.note(m, "control", control="steer", by=event.by, allowed=False, refused="no such agent is at work")
        return
    spend(m, event.signature)
    auditing.note(m, "control", control="steer", by=event.by, allowed=True)
    agent = m.state.agents[found[0]]
    agent.news.content.append({"text": event.text})
    if event.interrupt and agent.slots:  # without any there is nothing to go on with, and no slot to take for it
        agent_tools.supersede(m, agent)
        owner = m.state.activations[agent.id]
        slots.wake(m, m.frame_of(owner), Advance(owner.id))
