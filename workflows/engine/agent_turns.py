"""What an agent asks its model: the next turn, or to make its conversation shorter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.canonical import canonical
from policies.model import Effect, Risk
from workflows.contracts.agent_tools import LOAD_SKILL, REQUEST_CAPABILITY, REQUEST_DIGEST, REQUEST_SCHEMA
from workflows.engine.agent_state import News
from workflows.engine.calling import next_id, want
from workflows.engine.pricing import MESSAGE_MARGIN, TOOLS_MARGIN, new_bytes
from workflows.engine.provided import skills_of
from workflows.engine.state import Activation, CallState

if TYPE_CHECKING:
    from workflows.engine.agent_state import AgentState
    from workflows.engine.machine import Machine
    from workflows.language.graph import AgentNode

COMPACT_AT = 0.7
"""Of the context: how full the last turn found it when the conversation is made shorter (reference row 64)."""
KEEP_MESSAGES = 10
SUMMARY_TOKENS = 1024
"""How many messages stay as they are, and how long what stands for the others may be (reference row 64)."""
DIGEST_DIGITS = 12
GO_ON = "Go on."
ABOUT_REFUSALS = (
    'A tool call may give {"type": "denied" | "expired" | "invalid" | "unavailable" | "skipped" | "superseded" | '
    '"unknown_outcome", ...} in place of a result: the message says why, `retry` whether to try again.'
)
ABOUT_GAPS = f"If something that you need is missing, ask for it with `{REQUEST_CAPABILITY}`."
ABOUT_SKILLS = f"Skills, each a set of instructions that you read with `{LOAD_SKILL}` before you follow it:"


def new_call(m: Machine, owner: Activation) -> Activation:
    """An activation for the agent's next call, whose id it shares; it stands where its agent stands."""
    call_id, _ = next_id(m, owner)
    activation = Activation(
        id=call_id,
        frame=owner.frame,
        node=owner.node,
        visit=owner.visit,
        kind=owner.kind,
        seq=owner.seq,
        started_ms=m.state.now_ms,
        agent=owner.id,
    )
    m.state.activations[call_id] = activation
    return activation


def index_of(activation: Activation) -> int:
    """The index of a call in its agent's visit."""
    return int(activation.id.rpartition(":")[2])


def system_text(m: Machine, node: AgentNode, instructions: str) -> str:
    """What the conversation begins with: it does not change while the agent works, so providers cache it."""
    skills = [f"- {name}: {m.card.skills[name].description}" for name in node.skills if name in m.card.skills]
    listed = "\n".join([ABOUT_SKILLS, *skills]) if skills else ""
    return "\n\n".join(part for part in (instructions, ABOUT_REFUSALS, ABOUT_GAPS, listed) if part)


def offered(m: Machine, node: AgentNode, agent: AgentState) -> list[str]:
    """The names of the worker's tools that the agent has, each once."""
    skills = (LOAD_SKILL,) if skills_of(node, agent) else ()
    named = dict.fromkeys((*node.tools, *agent.extra, *skills))
    return [name for name in named if name in m.card.tools and name not in agent.without]


def ask_turn(m: Machine, owner: Activation, agent: AgentState, node: AgentNode, system: str | None) -> None:
    """Tell the model the news and let it take its turn."""
    agent.sent, agent.news = agent.news, News()
    content = agent.sent.content or ([] if agent.sent.results else [{"text": GO_ON}])
    news = {"results": agent.sent.results, "content": content}
    args: dict[str, object] = {
        "messages": [{"role": "user", **{name: value for name, value in news.items() if value}}],
        "toolset": _toolset(m, node, agent),
        "agent": True,
    }
    optional = {
        "system": system,
        "output_schema": node.output,
        "compact": {"how": "elide", "keep": KEEP_MESSAGES} if agent.elide else None,
    }
    args.update({name: value for name, value in optional.items() if value is not None})
    agent.elide = False
    card = m.card.models[agent.alias]
    _ask(m, owner, agent, args, max_tokens=min(card.max_tokens, card.context))


def ask_summary(m: Machine, owner: Activation, agent: AgentState) -> None:
    """Have the model write what stands for the oldest part of the conversation."""
    card = m.card.models[agent.alias]
    args: dict[str, object] = {
        "messages": [],
        "agent": True,
        "compact": {"how": "summary", "keep": KEEP_MESSAGES},
    }
    _ask(m, owner, agent, args, max_tokens=min(SUMMARY_TOKENS, card.max_tokens, card.context))


def needs_compacting(m: Machine, agent: AgentState) -> bool:
    """Whether the next turn would find the context too full; once before each turn at most."""
    if agent.talk.transcript is None or agent.turns == agent.compacted_at:
        return False
    card = m.card.models[agent.alias]
    most = m.policy.execution.tokens
    window = card.context if most is None else min(card.context, most)
    news = {"messages": [{"results": agent.news.results, "content": agent.news.content}]}
    ahead = agent.talk.known + new_bytes(news) + min(card.max_tokens, window // 4)
    return agent.last_input >= COMPACT_AT * window or (agent.last_input > 0 and ahead > window)


def _ask(m: Machine, owner: Activation, agent: AgentState, args: dict[str, object], *, max_tokens: int) -> None:
    card = m.card.models[agent.alias]
    talk = agent.talk
    activation = new_call(m, owner)
    agent.calling = activation.id
    args.update({"alias": card.alias, "model": card.model, "max_tokens": max_tokens})
    if talk.transcript is not None:
        args["transcript"] = talk.transcript
    agent.tools_bytes = _tools_bytes(m, args)
    carried = talk.in_bytes + agent.tools_bytes
    more = max(0, agent.tools_bytes - talk.tools_bytes)  # tools that it was not told of when that was settled
    known = talk.known + more if talk.known and talk.alias == agent.alias else carried
    call = CallState(
        id=activation.id,
        activation=activation.id,
        index=index_of(activation),
        kind="model",
        name=agent.alias,
        activity=f"model.{card.provider}",
        args=args,
        args_digest="",
        args_bytes=0,
        effect=Effect.READ,
        risk=Risk.LOW,
        input_tokens=min(card.context, known + new_bytes(args)),
        max_tokens=max_tokens,
        carried_bytes=carried,
    )
    want(m, activation, call)


def _toolset(m: Machine, node: AgentNode, agent: AgentState) -> list[str]:
    named = [f"{name}@{m.card.tools[name].digest[:DIGEST_DIGITS]}" for name in offered(m, node, agent)]
    return sorted([*named, f"{REQUEST_CAPABILITY}@{REQUEST_DIGEST}"])


def _tools_bytes(m: Machine, args: dict[str, object]) -> int:
    """What the tools take: a token per byte of their definitions at most, and what a provider says of them."""
    named = args.get("toolset")
    if not isinstance(named, list):
        return 0
    size = TOOLS_MARGIN + len(canonical(REQUEST_SCHEMA)) + MESSAGE_MARGIN
    for entry in named:
        card = m.card.tools.get(str(entry).rpartition("@")[0])
        size += 0 if card is None else len(canonical(card.input_schema)) + len(card.name) + MESSAGE_MARGIN
    return size
