"""The agent loop: context, model, gate, tools, append, stop test.

    start -> [ turn: model call -> tool calls -> their answers ] -> ... -> result
                  (a compaction may come before a turn)

Whatever happens to one of its calls comes here as a step of that call's activation; `advance` then does what follows,
which is nothing while anything of the turn is still to come.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policies.canonical import canonical
from workflows.contracts.agent_tools import REQUEST_CAPABILITY
from workflows.contracts.failures import FailureType
from workflows.engine import agent_answers, agent_ends, agent_tools, agent_turns, gaps, slots, spending
from workflows.engine.agent_ends import node_of, reach_limit
from workflows.engine.agent_state import AgentState, Conversation, News
from workflows.engine.complexity import Asked
from workflows.engine.effects import FREE, slot_of
from workflows.engine.machine import problem
from workflows.engine.model_choice import choose
from workflows.engine.pauses import open_for_failure
from workflows.engine.provided import take
from workflows.engine.steps import Fail, Succeed
from workflows.engine.tellings import telling

if TYPE_CHECKING:
    from workflows.engine.agent_state import ToolSlot
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, Frame
    from workflows.engine.steps import Lifted, Resolved
    from workflows.language.graph import AgentNode


def start(m: Machine, owner: Activation, node: AgentNode, instructions: str, prompt: str) -> None:
    """Begin a visit of an agent node; what its tools lack is asked for first."""
    talk = _talk_before(m, m.frame_of(owner)) if node.session == "inherit" else Conversation()
    asked = Asked(prompt, instructions, len(node.tools), talk.messages + 1)
    alias = choose(m, gaps.stand_in(m, "model", node.model), asked)
    agent = AgentState(
        id=owner.id,
        alias=alias,
        home=alias,
        talk=talk,
        max_turns=node.max_turns,
        max_tool_calls=node.max_tool_calls,
        news=News(results=talk.untold, content=[{"text": prompt}]),
        instructions=instructions,
        last_input=talk.known,
    )
    talk.untold = []
    m.state.agents[owner.id] = agent
    _ask_for_missing(m, owner, node)
    advance(m, owner)


def _talk_before(m: Machine, frame: Frame) -> Conversation:
    """A conversation of its own that goes on from that of the agent before, in this frame or around it."""
    at: Frame | None = frame
    while at is not None and at.talk is None:
        at = None if at.parent is None else m.state.frames.get(at.parent)
    if at is None or at.talk is None:
        return Conversation()
    return replace(at.talk)


def _ask_for_missing(m: Machine, owner: Activation, node: AgentNode) -> None:
    wanted = [("tool", name) for name in node.tools] + [("skill", name) for name in node.skills]
    for kind, name in wanted:
        if (other := m.state.substitutes.get(f"{kind}:{name}")) is not None:
            take(m, m.state.agents[owner.id], kind, other)
        elif f"{kind}:{name}" in m.card.missing and name not in (m.card.tools if kind == "tool" else m.card.skills):
            activation = agent_turns.new_call(m, owner)
            reason = f"agent `{owner.node}` has it among its {kind}s, and no worker had it when the run began"
            if gaps.lack(m, activation, gaps.Lack("tool" if kind == "tool" else "skill", name, reason, "load")):
                m.forget(activation)


def ended(m: Machine, activation: Activation, step: Succeed | Fail) -> None:
    """One of an agent's calls has ended, well or badly."""
    owner = m.owner_of(activation)
    agent = m.state.agents[owner.id]
    if agent.failing is not None:
        _ended_late(m, owner, agent, activation, step)
        return
    slot = slot_of(agent, activation)
    if slot is not None:
        _tool_ended(m, owner, agent, slot, step)
    elif isinstance(step, Fail):
        agent_answers.failed(m, owner, agent, activation, step)
    else:
        agent_answers.ended(m, owner, agent, activation, step)
    advance(m, owner)


def _ended_late(m: Machine, owner: Activation, agent: AgentState, activation: Activation, step: Succeed | Fail) -> None:
    """The agent is failing and waits for this; what may have happened is asked about all the same."""
    if isinstance(step, Fail) and _asks(m, activation, step):
        return
    agent_answers.forget(m, activation, agent)
    assert agent.failing is not None, "only then is it late"
    agent_ends.fail(m, owner, agent, agent.failing)


def _asks(m: Machine, activation: Activation, step: Fail) -> bool:
    """Whether people are asked what became of a call that may have happened."""
    return step.error.type == FailureType.UNCERTAIN and open_for_failure(m, activation, step.error, step.call)


def _tool_ended(m: Machine, owner: Activation, agent: AgentState, slot: ToolSlot, step: Succeed | Fail) -> None:
    activation = m.state.activations[str(slot.call)]
    if isinstance(step, Succeed):
        if step.outcome is not None and isinstance(step.result, dict):
            agent_tools.ended(m, agent, slot, step.result)
        else:
            agent_tools.completed(m, slot, _in_words(step))
        return
    if (step.error.details or {}).get("ends"):
        agent_ends.fail(m, owner, agent, step.error)
        return
    if _asks(m, activation, step):
        return
    why = agent_tools.failed(m, agent, slot, step.error)
    if why is not None:
        what = gaps.Lack("tool", slot.name, why, "failures", slot.args)
        if gaps.lack(m, activation, what) is None:
            return
        agent_tools.failed(m, agent, slot, step.error)
    if slot.refused:
        agent_tools.drop_later_effects(m, agent, slot)


def _in_words(step: Succeed) -> str:
    """What a person said in place of a result."""
    if step.skipped:
        return telling("skipped", "a person had this call skipped", by="person")
    return step.result if isinstance(step.result, str) else canonical(step.result).decode()


def advance(m: Machine, owner: Activation) -> None:
    """Do what follows: the next effect of the turn, the turn's answers, a compaction, the next turn."""
    agent = m.state.agents.get(owner.id)
    if agent is None or agent.failing is not None or owner.pause is not None:
        return
    if agent.slots:
        agent_tools.release_next(m, agent)
        if any(slot.answer is None for slot in agent.slots):
            _rest(m, owner)
            return
        agent.news.results = [slot.answer for slot in agent.slots if slot.answer is not None]
        agent.slots = []
    if not m.calls_of(owner.id):
        agent_ends.tell_progress(owner, agent)
        _next_turn(m, owner, agent)


def _rest(m: Machine, owner: Activation) -> None:
    """Where all that is left waits for people, so does the agent."""
    slots.park_call(m, m.calls_of(owner.id)[0])


def _next_turn(m: Machine, owner: Activation, agent: AgentState) -> None:
    if agent.capped:
        reach_limit(m, owner, agent, "max_tool_calls")
    elif agent.turns >= agent.max_turns:
        reach_limit(m, owner, agent, "max_turns")
    elif agent_turns.needs_compacting(m, agent):
        agent.compacting = True
        agent_turns.ask_summary(m, owner, agent)
    else:
        _take_turn(m, owner, agent)


def _take_turn(m: Machine, owner: Activation, agent: AgentState) -> None:
    if agent.turns:  # the first is the node's own step
        error = spending.charge_step(m, owner)
        if error is not None:
            reach_limit(m, owner, agent, "budget", error.message)
            return
    node = node_of(m, owner)
    system = agent_turns.system_text(m, node, agent.instructions)
    told = system == agent.talk.system and agent.talk.transcript is not None
    agent.talk.system = system
    agent_turns.ask_turn(m, owner, agent, node, None if told else system)


def lifted(m: Machine, owner: Activation, step: Lifted) -> None:
    """People have said what becomes of an agent at its limit: as much again, or what it has."""
    agent = m.state.agents[owner.id]
    node = node_of(m, owner)
    if step.outcome == "reduce":
        agent_ends.finish(m, owner, agent, step.limit)
        return
    agent.capped = False
    agent.continuations = 0
    if step.limit == "max_turns":
        agent.max_turns += node.max_turns
    elif step.limit == "max_tool_calls":
        agent.max_tool_calls += max(node.max_tool_calls, 1)
    else:
        agent.news.content.insert(0, {"text": agent_answers.GO_ON_EXACTLY})
    advance(m, owner)


def resolved(m: Machine, activation: Activation, step: Resolved) -> None:
    """What a call of an agent waited for is there, or is not to be had."""
    owner = m.owner_of(activation)
    agent = m.state.agents[owner.id]
    slot = slot_of(agent, activation)
    if slot is not None:
        _slot_resolved(m, owner, agent, slot, step)
    elif agent.calling == activation.id:
        _turn_resolved(m, owner, agent, activation, step)
    else:
        if step.outcome == "substituted":
            take(m, agent, step.gap.partition(":")[0], step.message)
        m.forget(activation)
    advance(m, owner)


def _turn_resolved(m: Machine, owner: Activation, agent: AgentState, activation: Activation, step: Resolved) -> None:
    """A turn that could not be taken is taken with another model, or without the tool; else the agent cannot go on."""
    kind, _, rest = step.gap.partition(":")
    agent_answers.forget(m, activation, agent)
    agent_answers.take_back(agent)
    agent.compacting = False
    if kind in ("tool", "tool_changed"):
        agent.without.append(rest.rpartition(":")[0])
        if step.outcome == "substituted":
            take(m, agent, "tool", step.message)
    elif step.outcome == "substituted":
        asked = Asked("", agent.instructions, 0, agent.talk.messages + 1)
        agent.alias = agent.home = choose(m, step.message, asked)
    else:
        agent_ends.fail(m, owner, agent, problem(FailureType.DECLINED, step.message, owner))


def _slot_resolved(m: Machine, owner: Activation, agent: AgentState, slot: ToolSlot, step: Resolved) -> None:
    node = node_of(m, owner)
    there = step.outcome == "provided"
    if step.outcome == "substituted":
        _stands_in(m, agent, slot, step.message)
    elif there and slot.name in m.card.tools:
        if slot.name not in node.tools and slot.name not in agent.extra:
            agent.extra.append(slot.name)
        agent_tools.call_tool(m, owner, node, slot)
        if slot.answer is not None:
            agent_tools.end_slot(m, slot)
    elif there or step.outcome == "granted":
        _now_has(m, agent, slot)
    elif step.outcome == "declined":
        agent_tools.end_slot(m, slot)
        silent = m.state.declined.get(step.gap) == gaps.NOBODY  # which is no refusal
        agent_tools.refuse(slot, "expired" if silent else "denied", step.message, by="timeout" if silent else "person")
        if not silent and slot.effect not in FREE:
            agent_tools.drop_later_effects(m, agent, slot)
    else:
        agent_tools.end_slot(m, slot)
        agent_tools.refuse(slot, "unavailable", step.message, by="person")


def _stands_in(m: Machine, agent: AgentState, slot: ToolSlot, other: str) -> None:
    """What it wanted takes other arguments, maybe: it is told of the other, and calls that by itself."""
    asked = slot.name == REQUEST_CAPABILITY
    wanted = slot.args.get("name", slot.name) if asked else slot.name
    more = take(m, agent, str(slot.args.get("kind")) if asked else "tool", other)
    agent_tools.completed(m, slot, f"`{wanted}` is not to be had; a person says to use `{other}` instead{more}")


def _now_has(m: Machine, agent: AgentState, slot: ToolSlot) -> None:
    """`request_capability` is answered: what was asked for is there."""
    name = str(slot.args.get("name", slot.name))
    more = take(m, agent, str(slot.args.get("kind")), name)
    agent_tools.completed(m, slot, f"`{name}` is there now{more}")
