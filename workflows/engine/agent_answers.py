"""What comes of an agent's model calls: a turn, a summary, or a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from workflows.contracts.calls import ModelOutput
from workflows.contracts.failures import FailureType
from workflows.engine import agent_ends, agent_tools
from workflows.engine.agent_ends import node_of, reach_limit
from workflows.engine.agent_state import AgentState, News
from workflows.engine.machine import problem
from workflows.engine.on_failure import choice_of
from workflows.engine.pauses import open_for_failure
from workflows.engine.steps import Fail, Succeed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation

MAX_CONTINUATIONS = 3
"""How often an answer that was cut is gone on with (reference, OpenFang)."""
MAX_REPAIRS = 2
"""How often a structured answer that does not fit is asked for again."""
MAX_FAULTS = 2
"""Failed compactions after which old results are replaced by references instead."""
CUT = "max_tokens"
GO_ON_EXACTLY = "Your answer was cut off. Go on exactly where it stopped."


def failed(m: Machine, owner: Activation, agent: AgentState, activation: Activation, step: Fail) -> None:
    """A model call failed: a compaction is tried again, or done without; a turn's failure is the node's."""
    if agent.compacting:
        agent.compact_faults += MAX_FAULTS if step.call is None else 1
        forget(m, activation, agent)
        agent.compacting = False
        if (step.error.details or {}).get("ends"):
            agent_ends.fail(m, owner, agent, step.error)
            return
        if agent.compact_faults >= MAX_FAULTS:
            agent.elide, agent.compacted_at, agent.compact_faults = True, agent.turns, 0
        return
    pausing = step.call is not None and choice_of(m, activation, step.error).action == "pause"
    if pausing and open_for_failure(m, activation, step.error, step.call):
        return
    take_back(agent)
    forget(m, activation, agent)
    if step.error.type == FailureType.BUDGET_EXCEEDED:
        reach_limit(m, owner, agent, "budget", step.error.message)
    else:
        agent_ends.fail(m, owner, agent, step.error)


def take_back(agent: AgentState) -> None:
    """A turn was not taken: what was to be told is still to be told, by this agent or the next."""
    agent.news, agent.sent = News(agent.sent.results, [*agent.sent.content, *agent.news.content]), News()
    agent.talk.system = ""


def ended(m: Machine, owner: Activation, agent: AgentState, activation: Activation, step: Succeed) -> None:
    """A model call gave something: what stands for old messages, or a turn."""
    compacting, agent.compacting = agent.compacting, False
    forget(m, activation, agent)
    if step.outcome is None or not isinstance(step.result, dict):
        agent_ends.skip(m, owner, agent)
        return
    said = _parsed(step.result["output"])
    if isinstance(said, str):
        agent_ends.fail(m, owner, agent, problem(FailureType.INTERNAL, said, owner))
        return
    _account(agent, step.result, said, compacting=compacting)
    if compacting:
        agent.compactions += 1
        agent.compacted_at, agent.compact_faults = agent.turns, 0
    else:
        _turn_ended(m, owner, agent, said)


def _parsed(output: object) -> ModelOutput | str:
    """What the model's activity gave, or what is wrong with it."""
    try:
        said = ModelOutput.model_validate(output)
    except ValidationError as error:
        return f"the model's answer does not parse: {error.error_count()} problems"
    return "the model's answer leads to no conversation" if said.transcript is None else said


def _account(agent: AgentState, given: Mapping[str, object], said: ModelOutput, *, compacting: bool) -> None:
    used = given["usage"]
    assert isinstance(used, dict), "outcomes give usage as a map"
    for name, amount in used.items():
        agent.usage[name] = agent.usage.get(name, 0) + amount
    agent.alias = str(given["alias"])
    talk = agent.talk
    assert said.transcript is not None, "an answer without one is not taken"
    talk.transcript = said.transcript.model_dump(mode="json")
    talk.in_bytes = said.transcript_bytes
    talk.alias, talk.tools_bytes = agent.alias, agent.tools_bytes
    talk.messages += 0 if compacting else 2
    talk.known = 0 if compacting else int(used.get("tokens", 0))
    agent.last_input = 0 if compacting else int(used.get("tokens", 0)) - int(used.get("output_tokens", 0))


def _turn_ended(m: Machine, owner: Activation, agent: AgentState, said: ModelOutput) -> None:
    agent.turns += 1
    agent.sent = News()
    if said.text:
        agent.text = agent.text + said.text if agent.cut else said.text
    agent.cut = said.stop_reason == CUT and not said.tool_calls
    if said.tool_calls:
        agent.continuations = 0
        agent_tools.begin(m, owner, agent, node_of(m, owner), said.tool_calls)
    elif agent.cut:
        agent.continuations += 1
        if agent.continuations > MAX_CONTINUATIONS:
            agent.continuations = MAX_CONTINUATIONS
            reach_limit(m, owner, agent, "max_continuations")
        else:
            agent.news.content.insert(0, {"text": GO_ON_EXACTLY})
    elif said.fault is not None:
        _repair(m, owner, agent, said.fault)
    elif not agent.news.content or _must_stop(m, owner, agent):  # else somebody has said more meanwhile
        agent_ends.finish(m, owner, agent, said.stop_reason, said.output)


def _must_stop(m: Machine, owner: Activation, agent: AgentState) -> bool:
    """Whether another turn would void the answer: there is none left, and nobody is asked for more."""
    return agent.turns >= agent.max_turns and node_of(m, owner).on_limit != "pause"


def _repair(m: Machine, owner: Activation, agent: AgentState, fault: str) -> None:
    agent.repairs += 1
    if agent.repairs > MAX_REPAIRS:
        message = f"the answer does not fit `output` after {MAX_REPAIRS} repairs: {fault}"
        agent_ends.fail(m, owner, agent, problem(FailureType.MODEL_FAILED, message, owner))
        return
    text = f"Your answer does not fit: {fault}. Answer again, with nothing but the JSON value that was asked for."
    agent.news.content.insert(0, {"text": text})


def forget(m: Machine, activation: Activation, agent: AgentState) -> None:
    """A call that was no tool's has ended."""
    if activation.call is not None:
        m.state.calls.pop(activation.call, None)
    m.forget(activation)
    if agent.calling == activation.id:
        agent.calling = None
