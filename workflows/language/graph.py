"""The compiled graph, which is what the engine runs.

`compile.compile_graph` makes it from a valid document; nothing here parses or checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from policies.budget import Limits
    from policies.capability import CapabilitySet
    from workflows.language.expressions import Condition, Template


@dataclass(frozen=True, slots=True)
class Channel:
    """A named place in the run's state and the reducer that merges what is written to it."""

    name: str
    reducer: str
    initial: object
    schema: dict[str, object] | None
    local: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """One arm of a fork; `bind` holds the names that its `with` binds."""

    to: str
    bind: tuple[tuple[str, Template], ...]
    optional: bool
    value: Template | None


@dataclass(frozen=True, slots=True)
class Fork:
    """A rule that opens a scope with a fixed list of branches."""

    branches: tuple[Branch, ...]
    join: str
    mode: Literal["all", "settle"]
    max_concurrency: int


@dataclass(frozen=True, slots=True)
class Map:
    """A rule that opens a scope with one branch per item of a list, bound to `name` and `index`."""

    over: Template
    name: str
    to: str
    join: str
    mode: Literal["all", "settle"]
    max_concurrency: int
    value: Template | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A plan's rule: taken when `when` holds (always, if it has none). Exactly one of the others is set."""

    when: Condition | None
    to: str | None = None
    fork: Fork | None = None
    map: Map | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a validate node: `when` alone, `schema` with `value`, or `tool` with `args` and `when`."""

    name: str
    when: Condition | None = None
    schema: dict[str, object] | None = None
    value: Template | None = None
    tool: str | None = None
    args: Template | None = None


@dataclass(frozen=True, slots=True)
class OnFailure:
    """What a failed node does. `default` means: fail in a settle scope or optional branch, else pause."""

    action: Literal["default", "pause", "fail", "to"]
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Temporal's retry policy of a call; intervals in seconds."""

    max_attempts: int = 4
    initial_s: float = 0.2
    backoff: float = 2.0
    max_interval_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What every node has.

    `next` is the name that the token goes to: a node, `end`, `fail`, or the join of the region where
    the document leaves it out; null only where `routes` is used or the kind is plan.
    `capabilities` is asked(node): the graph's, narrowed by the node's.
    """

    kind: ClassVar[str]

    name: str
    description: str
    writes: tuple[tuple[str, Template], ...]
    next: str | None
    routes: dict[str, str]
    retry: Retry
    timeout_s: float | None
    max_visits: int
    on_failure: OnFailure
    capabilities: CapabilitySet


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolNode(Node):
    """Calls one tool; its result is the tool's output."""

    kind: ClassVar[str] = "tool"
    tool: str
    args: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelNode(Node):
    """Makes one model call; its result is `{text, output, usage, stop_reason}`."""

    kind: ClassVar[str] = "model"
    model: str
    system: Template | None
    prompt: Template
    output: dict[str, object] | None
    max_tokens: int | None
    temperature: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentNode(Node):
    """A model with tools in a loop; its result is `{text, output, usage, turns, stop_reason}`.

    `capabilities` is what the agent's calls may ask for, narrowed to its tools, and `asked` the same with every tool
    that the graph asks for. `inherit` goes on with the conversation of the agent before it in its frame, or around it.
    """

    kind: ClassVar[str] = "agent"
    model: str
    instructions: Template | None
    prompt: Template
    tools: tuple[str, ...]
    skills: tuple[str, ...]
    max_turns: int
    max_tool_calls: int
    output: dict[str, object] | None
    asked: CapabilitySet
    session: Literal["fresh", "inherit"]
    on_limit: Literal["pause", "stop_with_partial", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanNode(Node):
    """Asks a person; its result is `{outcome, payload, by, at}`.

    `answerers` (empty: anyone) and `quorum` tighten what the policy wants; `not_starter`: not whoever started the run.
    """

    kind: ClassVar[str] = "human"
    ui: Literal["panel", "modal", "toast"]
    ask: Template
    show: Template | None
    outcomes: tuple[str, ...]
    form: dict[str, object] | None
    deadline_s: float | None
    on_timeout: str
    answerers: tuple[str, ...] = ()
    quorum: int = 1
    not_starter: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitNode(Node):
    """Waits for a duration in seconds or until an RFC 3339 time; its result is `{woken_by, payload}`."""

    kind: ClassVar[str] = "wait"
    for_s: float | None
    until: Template | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateNode(Node):
    """Runs all checks in order; routes `pass` or `fail`; its result is `{passed, failures}`."""

    kind: ClassVar[str] = "validate"
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanNode(Node):
    """Routes by rules, first match; its result is `{next, reason}`."""

    kind: ClassVar[str] = "plan"
    rules: tuple[Rule, ...]


AnyNode = ToolNode | ModelNode | AgentNode | HumanNode | WaitNode | ValidateNode | PlanNode


@dataclass(frozen=True, slots=True)
class Graph:
    """A valid graph, compiled. `digest` is the SHA-256 of the canonical document."""

    name: str
    version: str
    description: str
    digest: str
    start: str
    nodes: dict[str, AnyNode]
    channels: dict[str, Channel]
    input_schema: dict[str, object] | None
    output: Template | None
    limits: Limits
