"""What a run remembers of its agents: plain data, so that a snapshot holds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from policies.loop_guard import LoopState
from workflows.contracts.failures import ErrorInfo

SlotStatus = Literal["wanted", "queued", "held", "final"]


@dataclass(slots=True)
class ToolSlot:
    """One tool call of an agent's turn, in the model's order. `id` is the model's own, `args` what it wants.

    `call` is the activation of its call, while it has one. `held`: the gate would let it pass, and an effect before it
    has no final result yet. `answer` is what the model will read (a `ToolAnswer` as JSON); `refused`: a person said no.
    """

    id: str
    name: str
    args: dict[str, object]
    fault: str | None = None
    effect: str = "none"
    status: SlotStatus = "wanted"
    call: str | None = None
    answer: dict[str, object] | None = None
    refused: bool = False


@dataclass(slots=True)
class Conversation:
    """Where a conversation stands: its transcript (a `Ref` as JSON), how many bytes that leads to, what was settled.

    `known` is the input and output tokens of the last call on it, with the model `alias` and definitions of tools of
    `tools_bytes`; `system` what it begins with, `messages` how many were said on it, `untold` the results of its last
    turn that its model was never told.
    """

    transcript: dict[str, object] | None = None
    in_bytes: int = 0
    known: int = 0
    alias: str = ""
    system: str = ""
    messages: int = 0
    tools_bytes: int = 0
    untold: list[dict[str, object]] = field(default_factory=list)


@dataclass(slots=True)
class News:
    """What a model is told next, as JSON: results of its tool calls, and then parts of text."""

    results: list[dict[str, object]] = field(default_factory=list)
    content: list[dict[str, object]] = field(default_factory=list)


@dataclass(slots=True)
class AgentState:
    """One visit of an agent node. Its id is that of the node's activation.

    `instructions` are the node's, as rendered. `news` is what the model has not been told yet, `sent` what it is being
    told. `extra` are tools that people provided beyond the node's, `skills` skills, `without` tools that it goes on
    without. `turns` and `tool_calls` count against their limits, which people may raise; `capped`: a turn wanted more
    calls than were left; `cut`: the last answer has no end yet. `calling` is the activation of the model call under
    way, which is a compaction's while `compacting`; `compacted_at` is the turn before which the last one was, `elide`
    has the next turn do without old results. `last_input` is the settled input of the last turn, in tokens. `unknown`
    counts names of tools that are not there (64 at most), `failures` like failures: the ways in which gaps are found.
    `failing`: how the node fails once the calls in flight have ended. `home` is the model that the visit began with,
    `alias` the one that it is with now. `tools_bytes` is what the definitions of its tools take in the call under way.
    """

    id: str
    alias: str
    home: str
    talk: Conversation
    max_turns: int
    max_tool_calls: int
    instructions: str = ""
    news: News = field(default_factory=News)
    sent: News = field(default_factory=News)
    extra: list[str] = field(default_factory=list)
    skills: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    slots: list[ToolSlot] = field(default_factory=list)
    calling: str | None = None
    compacting: bool = False
    turns: int = 0
    tool_calls: int = 0
    continuations: int = 0
    repairs: int = 0
    compactions: int = 0
    compact_faults: int = 0
    compacted_at: int = -1
    elide: bool = False
    last_input: int = 0
    tools_bytes: int = 0
    capped: bool = False
    cut: bool = False
    failing: ErrorInfo | None = None
    text: str = ""
    usage: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    loop: LoopState | None = None
