"""The tool calls of an agent's turn: each becomes a call, a question, or an answer at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.model import Trigger
from policies.reading import nearest
from workflows.contracts.agent_tools import LOAD_SKILL, REQUEST_CAPABILITY, REQUEST_SCHEMA
from workflows.contracts.conversation import MODEL_CHARS, ToolUse
from workflows.engine import gaps, measuring
from workflows.engine.agent_state import ToolSlot
from workflows.engine.agent_turns import index_of, new_call, offered
from workflows.engine.calling import want
from workflows.engine.dropping import drop_call
from workflows.engine.effects import FREE, next_effect
from workflows.engine.gap_state import GAP_KINDS
from workflows.engine.provided import skills_of
from workflows.engine.queue import enqueue
from workflows.engine.skill_args import skill_args
from workflows.engine.slots import deferred_of
from workflows.engine.state import CallState
from workflows.engine.steps import Fail, Succeed
from workflows.engine.tellings import REFUSED, SUPERSEDED, of_failure, telling
from workflows.language.schema import validate_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workflows.contracts.failures import ErrorInfo
    from workflows.engine.agent_state import AgentState
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation
    from workflows.engine.tellings import By, Kind
    from workflows.language.graph import AgentNode

ALIKE = 3
"""Like failures of a tool after which people are asked whether it is the right one (reference row 110)."""
UNKNOWN = "agent.unknown_tool"
UNSAID = "unsaid"
"""The effect of a call whose tool is not there: nobody has said what it changes."""
MAX_UNKNOWN = 64
"""How many names that are not there an agent remembers; the rarest make room."""
UNKNOWN_AGAIN = 2
"""How often a model may name what is not there before people are asked for it; the first time it is told."""


def begin(m: Machine, owner: Activation, agent: AgentState, node: AgentNode, uses: Sequence[ToolUse]) -> None:
    """Want a turn's tool calls, in the model's order; what is more than the agent may still make is not run."""
    left = max(agent.max_tool_calls - agent.tool_calls, 0)
    agent.slots = [ToolSlot(id=use.id, name=use.name, args=dict(use.args), fault=use.fault) for use in uses]
    agent.tool_calls += min(left, len(agent.slots))
    agent.capped = len(agent.slots) > left
    for slot in agent.slots[left:]:
        refuse(slot, "unavailable", "not run: no tool calls are left", rule="agent.max_tool_calls")
    wrong: dict[str, tuple[ToolSlot, str]] = {}
    asked = [slot for slot in agent.slots[:left] if _want(m, owner, node, slot, wrong)]
    for slot, what in ((slot, what) for slot in asked if (what := _lacking(m, agent, node, slot)) is not None):
        _ask_for(m, owner, slot, what)
    for slot, fault in wrong.values():
        _count_wrong(m, owner, agent, slot, fault)


def _want(
    m: Machine, owner: Activation, node: AgentNode, slot: ToolSlot, wrong: dict[str, tuple[ToolSlot, str]]
) -> bool:
    """Want a call of what is there; True where people may have to be asked, which comes last: it may rest the agent."""
    if slot.fault is not None:
        _invalid(slot, slot.fault)
    elif slot.name == REQUEST_CAPABILITY or slot.name not in offered(m, node, m.state.agents[owner.id]):
        return True
    elif (fault := call_tool(m, owner, node, slot)) is not None:
        wrong[slot.name] = (slot, fault)  # once a turn: a model that is told mends all of them
    return False


def _count_wrong(m: Machine, owner: Activation, agent: AgentState, slot: ToolSlot, fault: str) -> None:
    """A tool was called with what it does not take, which the model knows; turn after turn, people are asked."""
    key = f"{slot.name}:invalid"
    count = agent.failures[key] = agent.failures.get(key, 0) + 1
    if count != ALIKE:
        return
    reason = f"the model gave it wrong arguments in {count} turns, the last time: {fault}"
    told, slot.answer = slot.answer, None
    if not _ask_for(m, owner, slot, gaps.Lack("tool", slot.name, reason, "failures", slot.args)):
        slot.answer = told  # what was wrong says more than why nobody is asked


def call_tool(m: Machine, owner: Activation, node: AgentNode, slot: ToolSlot) -> str | None:
    """Want the call of a tool that is there; arguments that it does not take go back to the model, and are said."""
    card = m.card.tools[slot.name]
    args = dict(slot.args)
    if slot.name == LOAD_SKILL:
        agent = m.state.agents[owner.id]
        skills = skills_of(node, agent)
        skill = m.card.skills.get(str(args.get("name"))) if args.get("name") in skills else None
        if skill is None:
            _invalid(slot, f"there is no such skill; there are {', '.join(skills)}")
            return None
        args = skill_args(args, skill, offered(m, node, agent))
    size = measuring.fault(args)
    faults = [size] if size is not None else validate_value(card.input_schema, args)
    if faults:
        _invalid(slot, "; ".join(faults))
        return "; ".join(faults)
    activation = m.state.activations[slot.call] if slot.call is not None else new_call(m, owner)
    slot.call, slot.effect, slot.status = activation.id, card.effect.value, "queued"
    call = CallState(
        id=activation.id,
        activation=activation.id,
        index=index_of(activation),
        kind="tool",
        name=slot.name,
        activity=slot.name,
        args=args,
        args_digest="",
        args_bytes=0,
        effect=card.effect,
        risk=card.risk,
    )
    want(m, activation, call)
    return None


def _lacking(m: Machine, agent: AgentState, node: AgentNode, slot: ToolSlot) -> gaps.Lack | None:
    """What people are to be asked for; null where the model is told at once."""
    if slot.name != REQUEST_CAPABILITY:
        return _unknown(m, agent, node, slot)
    what = _request(slot)
    if what is None or not _has(m, agent, node, what):
        return what
    completed(m, slot, f"`{what.name}` is there already.")
    return None


def _has(m: Machine, agent: AgentState, node: AgentNode, what: gaps.Lack) -> bool:
    """Whether the agent has what it asks for."""
    tools, skills = offered(m, node, agent), skills_of(node, agent)
    return what.name in {"tool": tools, "skill": [one for one in skills if one in m.card.skills]}.get(what.kind, ())


def _request(slot: ToolSlot) -> gaps.Lack | None:
    """`request_capability`: people are asked, and their answer is the result."""
    faults = validate_value(REQUEST_SCHEMA, slot.args)
    if faults:
        _invalid(slot, "; ".join(faults))
        return None
    example = slot.args.get("example_input")
    return gaps.Lack(
        next(kind for kind in GAP_KINDS if kind == slot.args["kind"]),
        str(slot.args["name"]),
        str(slot.args["reason"]),
        "request_capability",
        example if isinstance(example, dict) else None,
    )


def _unknown(m: Machine, agent: AgentState, node: AgentNode, slot: ToolSlot) -> gaps.Lack | None:
    """A name that is not among the agent's tools: told, and asked for when it comes again."""
    count = agent.unknown[slot.name] = agent.unknown.get(slot.name, 0) + 1
    if len(agent.unknown) > MAX_UNKNOWN:
        others = [(times, name) for name, times in agent.unknown.items() if name != slot.name]
        del agent.unknown[min(others)[1]]
    if count >= UNKNOWN_AGAIN:
        reason = f"the model called it {count} times, and it is not among the agent's tools"
        return gaps.Lack("tool", slot.name, reason, "unknown_name", slot.args)
    names = [*offered(m, node, agent), REQUEST_CAPABILITY]
    hint = nearest(slot.name, names) or f"there are {', '.join(names)}"
    refuse(slot, "unavailable", f"there is no tool `{slot.name}`: {hint}", rule=UNKNOWN)
    return None


def _ask_for(m: Machine, owner: Activation, slot: ToolSlot, what: gaps.Lack) -> bool:
    activation = new_call(m, owner)
    slot.call, slot.status = activation.id, "queued"
    if slot.name != REQUEST_CAPABILITY:
        slot.effect = UNSAID  # what comes after it waits, because it may be an effect
    fault = gaps.lack(m, activation, what)
    if fault is not None:
        end_slot(m, slot)
        refuse(slot, "unavailable", fault, rule="gap")
    return fault is None


def ended(m: Machine, agent: AgentState, slot: ToolSlot, given: Mapping[str, object]) -> None:
    """A tool gave its output; of what a model is told by reference, only the reference is kept."""
    content = given["content"]
    assert isinstance(content, dict), "an agent's call asks for content"
    ref = content.get("ref")
    media = content.get("media")
    if media is not None:
        parts = [{"text": content["text"]}, {"ref": ref, "media": media}]
    else:
        parts = [{"text": content["text"]} if ref is None else {"ref": ref}]
    slot.answer = {"id": slot.id, "content": parts}
    agent.failures = {key: count for key, count in agent.failures.items() if not key.startswith(f"{slot.name}:")}
    end_slot(m, slot)


def completed(m: Machine, slot: ToolSlot, text: str) -> None:
    """A person said what the result is, or that there is none."""
    slot.answer = {"id": slot.id, "content": [{"text": text[:MODEL_CHARS]}]}
    end_slot(m, slot)


def failed(m: Machine, agent: AgentState, slot: ToolSlot, error: ErrorInfo) -> str | None:
    """A tool's failure as the model reads it. Null; or, of failures that are all alike, what people should be asked."""
    text, denied = of_failure(error)
    if not denied and error.type == "ToolFailed":
        key = f"{slot.name}:{error.type}"
        count = agent.failures[key] = agent.failures.get(key, 0) + 1
        if count == ALIKE:
            return f"it failed {count} times in a row, the last time with: {error.message}"
    slot.answer = {"id": slot.id, "content": [{"text": text}], "is_error": True}
    if denied:
        slot.answer["denied"] = True
    slot.refused = error.type == "Declined" and (error.details or {}).get("by") != "timeout"
    end_slot(m, slot)
    return None


def drop_later_effects(m: Machine, agent: AgentState, refused: ToolSlot) -> None:
    """After a person's no, the later effects of the turn are not run: they may rest on what was refused."""
    after = agent.slots[agent.slots.index(refused) + 1 :]
    for slot in after:
        if slot.answer is None and slot.effect not in FREE:
            refuse_parked(m, slot, "skipped", REFUSED)


def supersede(m: Machine, agent: AgentState) -> None:
    """Somebody has something else in mind: what has not begun is not done any more.

    What may have happened has begun, and what people said of a call stands.
    """
    for slot in agent.slots:
        if slot.answer is None and not _may_have_run(m, slot):
            refuse_parked(m, slot, "superseded", SUPERSEDED)


def _may_have_run(m: Machine, slot: ToolSlot) -> bool:
    """Whether people are asked what became of a call, or have said what it came to."""
    activation = m.state.activations[str(slot.call)]
    pause = None if activation.pause is None else m.state.pauses[activation.pause]
    asked = pause is not None and Trigger.UNCERTAIN in pause.triggers
    return asked or isinstance(deferred_of(m, activation), Succeed | Fail)


def refuse_parked(m: Machine, slot: ToolSlot, kind: Kind, message: str) -> None:
    """Answer for a call that has not begun; one that is under way ends by itself."""
    activation = m.state.activations[str(slot.call)]
    call = None if activation.call is None else m.state.calls[activation.call]
    if call is not None and call.status == "in_flight":
        return
    drop_call(m, activation)
    slot.call = None
    refuse(slot, kind, message, by="person")


def release_next(m: Machine, agent: AgentState) -> None:
    """The first effect that waited for those before it goes before the gate again."""
    slot = next_effect(agent)
    activation = None if slot is None or slot.call is None else m.state.activations[slot.call]
    call = None if activation is None or activation.call is None else m.state.calls[activation.call]
    if call is not None and call.status == "held":
        enqueue(m, call)


def end_slot(m: Machine, slot: ToolSlot) -> None:
    """Forget the activation of a call that has its answer, or is to have it without one."""
    slot.status = "final"
    if slot.call is not None:
        activation = m.state.activations[slot.call]
        if activation.call is not None:
            m.state.calls.pop(activation.call, None)
        m.forget(activation)
        slot.call = None


def refuse(slot: ToolSlot, kind: Kind, message: str, *, rule: str = "", by: By = "policy") -> None:
    """Answer a call without one. What is wrong with its arguments, or its name, the model may mend."""
    mendable = kind == "invalid" or rule == UNKNOWN
    said = telling(kind, message, by=by, rule=rule, retry="changed_arguments" if mendable else "never")
    slot.status = "final"
    slot.answer = {"id": slot.id, "content": [{"text": said}], "is_error": True}


def _invalid(slot: ToolSlot, message: str) -> None:
    refuse(slot, "invalid", message)
