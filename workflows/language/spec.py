"""The graph document, as people write it; its JSON Schema is published as `docs/schema/agent-graph.json`."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, JsonValue

from workflows.language.spec_values import (
    ChannelName,
    ChannelSpec,
    CheckSpec,
    Defaults,
    Duration,
    Expression,
    GraphName,
    NodeName,
    OnFailureSpec,
    Retry,
    RuleSpec,
    Schema,
    Strict,
    Version,
    Words,
)


class NodeSpec(Strict):
    """What every node may say."""

    description: str = ""
    with_: dict[str, JsonValue] | None = Field(default=None, alias="with")
    writes: dict[ChannelName, JsonValue] = {}
    next: NodeName | None = None
    routes: dict[NodeName, NodeName] | None = None
    retry: Retry | None = None
    timeout: Duration | None = None
    max_visits: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    on_failure: OnFailureSpec | None = None
    capabilities: JsonValue = None


class ToolSpec(NodeSpec):
    """Calls one tool."""

    kind: Literal["tool"]
    tool: Words


class ModelSpec(NodeSpec):
    """Makes one model call."""

    kind: Literal["model"]
    model: Words
    system: Expression | None = None
    prompt: Expression
    output: Schema | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None


class AgentSpec(NodeSpec):
    """A model with tools in a loop."""

    kind: Literal["agent"]
    model: Words
    instructions: Expression | None = None
    prompt: Expression
    tools: list[Words] = []
    skills: list[Words] = []
    max_turns: Annotated[int, Field(ge=1, le=100_000)] | None = None
    max_tool_calls: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    output: Schema | None = None
    session: Literal["fresh", "inherit"] = "fresh"
    on_limit: Literal["pause", "stop_with_partial", "fail"] = "pause"


class SubgraphSpec(NodeSpec):
    """Runs another graph."""

    kind: Literal["graph"]
    graph: Words
    input: JsonValue = None
    budget: JsonValue = None
    mode: Literal["blocking", "detached"] = "blocking"


class HumanSpec(NodeSpec):
    """Asks a person."""

    kind: Literal["human"]
    ui: Literal["panel", "modal", "toast"] = "panel"
    ask: Expression
    show: JsonValue = None
    outcomes: Annotated[list[NodeName], Field(min_length=1, max_length=32)]
    form: Schema | None = None
    answerers: list[Words] | None = None
    quorum: Annotated[int, Field(ge=1)] | None = None
    deadline: Duration | None = None
    on_timeout: NodeName = "abort"


class WaitSpec(NodeSpec):
    """Waits for a while, until a moment, or for an event."""

    kind: Literal["wait"]
    for_: Duration | None = Field(default=None, alias="for")
    until: Expression | None = None
    event: Words | None = None
    deadline: Duration | None = None


class ValidateSpec(NodeSpec):
    """Runs checks in order; routes `pass` and `fail`."""

    kind: Literal["validate"]
    checks: Annotated[list[CheckSpec], Field(min_length=1)]


class PlanSpec(NodeSpec):
    """Routes: by rules, first match; or a model picks among `choices`."""

    kind: Literal["plan"]
    rules: Annotated[list[RuleSpec], Field(min_length=1)] | None = None
    model: Words | None = None
    prompt: Expression | None = None
    choices: list[NodeName] | None = None


AnyNodeSpec = ToolSpec | ModelSpec | AgentSpec | SubgraphSpec | HumanSpec | WaitSpec | ValidateSpec | PlanSpec
NODE_SPECS: Final[dict[str, type[NodeSpec]]] = {
    "tool": ToolSpec,
    "model": ModelSpec,
    "agent": AgentSpec,
    "graph": SubgraphSpec,
    "human": HumanSpec,
    "wait": WaitSpec,
    "validate": ValidateSpec,
    "plan": PlanSpec,
}
KINDS: Final = tuple(NODE_SPECS)


class GraphSpec(Strict):
    """A whole graph document."""

    model_config = ConfigDict(title="Detent agent graph, version 1")

    graph: GraphName
    version: Version
    description: str = ""
    profile: Literal["plan_task"] | None = None
    input: Schema | None = None
    state: dict[ChannelName, ChannelSpec] = {}
    capabilities: JsonValue = None
    budget: JsonValue = None
    defaults: Defaults = Defaults()
    start: NodeName
    nodes: Annotated[
        dict[NodeName, Annotated[AnyNodeSpec, Field(discriminator="kind")]],
        Field(min_length=1),
    ]
    output: JsonValue = None


def schema() -> dict[str, object]:
    """The JSON Schema of graph documents, Draft 2020-12."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **GraphSpec.model_json_schema(by_alias=True)}
