"""How an agent's visit ends: with an answer, at a limit, or with an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.model import Trigger
from workflows.contracts.failures import ErrorInfo, FailureType
from workflows.engine import pauses, slots
from workflows.engine.dropping import drop_call
from workflows.engine.machine import problem
from workflows.engine.standards import at_first, why_nobody
from workflows.engine.steps import Fail, Succeed
from workflows.language.graph import AgentNode

if TYPE_CHECKING:
    from workflows.engine.agent_state import AgentState
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation

LIMITS = {
    "max_turns": "it has taken all of its {turns} turns",
    "max_tool_calls": "it has made all of its {tool_calls} tool calls",
    "max_continuations": "its answer is longer than {continuations} continuations",
    "budget": "the budget has no room for another turn",
}
"""The limits of an agent, which are also why it stopped where it stops with what it has."""


def node_of(m: Machine, owner: Activation) -> AgentNode:
    """The agent node that an activation visits."""
    node = m.node_of(owner)
    assert isinstance(node, AgentNode), "agents are visits of agent nodes"
    return node


def tell_progress(owner: Activation, agent: AgentState) -> None:
    """How far the agent has come, for people."""
    turns, calls = agent.turns, agent.tool_calls
    owner.summary = f"{turns} turn{'' if turns == 1 else 's'}, {calls} tool call{'' if calls == 1 else 's'}"


def finish(m: Machine, owner: Activation, agent: AgentState, stop_reason: str, output: object = None) -> None:
    """The agent is done: its node has a result, and its frame a conversation to go on with."""
    _leave(m, owner, agent)
    del m.state.agents[agent.id]
    tell_progress(owner, agent)
    result = {
        "text": agent.text,
        "output": output,
        "usage": dict(agent.usage),
        "turns": agent.turns,
        "stop_reason": stop_reason,
    }
    m.todo.append(Succeed(owner.id, result))


def _leave(m: Machine, owner: Activation, agent: AgentState) -> None:
    """Leave the conversation to whoever inherits it, with the results that are there and were not told."""
    answered = [slot.answer for slot in agent.slots if slot.answer is not None]
    agent.talk.untold = answered or agent.news.results
    m.frame_of(owner).talk = agent.talk


def skip(m: Machine, owner: Activation, agent: AgentState) -> None:
    """A person had the node skipped."""
    del m.state.agents[agent.id]
    m.todo.append(Succeed(owner.id, None, skipped=True))


def fail(m: Machine, owner: Activation, agent: AgentState, error: ErrorInfo) -> None:
    """The agent fails once nothing of it is in flight, or may have happened: what has not begun is dropped."""
    if agent.failing is None:
        agent.failing = error
        _leave(m, owner, agent)
        for call in [call for call in m.calls_of(owner.id) if not _is_uncertain(m, call)]:
            drop_call(m, call)
    left = m.calls_of(owner.id)
    if left:
        slots.park_call(m, left[0])
    else:
        del m.state.agents[agent.id]
        m.todo.append(Fail(owner.id, agent.failing))


def _is_uncertain(m: Machine, call: Activation) -> bool:
    """Whether people are asked what became of a call: that is to be known however the agent ends."""
    pause = None if call.pause is None else m.state.pauses[call.pause]
    return pause is not None and Trigger.UNCERTAIN in pause.triggers


def reach_limit(m: Machine, owner: Activation, agent: AgentState, limit: str, why: str = "") -> None:
    """Do what the node says of its limits: ask people, stop with what there is, or fail."""
    node = node_of(m, owner)
    said = LIMITS[limit].format(turns=agent.turns, tool_calls=agent.tool_calls, continuations=agent.continuations)
    words = f"agent `{owner.node}` stops: {said}{why and f' ({why})'}"
    if node.on_limit == "stop_with_partial":
        finish(m, owner, agent, limit)
        return
    kind = FailureType.BUDGET_EXCEEDED if limit == "budget" else FailureType.LIMIT_REACHED
    fault = why_nobody(m, at_first(m, (Trigger.BUDGET,))) if node.on_limit == "pause" else "`on_limit: fail`"
    if fault is not None:
        fail(m, owner, agent, problem(kind, f"{words}; {fault}", owner))
        return
    pauses.open_for_limit(m, owner, words, limit)
