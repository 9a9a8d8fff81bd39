"""The small values that graph documents are made of, and the rules for writing them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Discriminator, Field, JsonValue, Tag

from workflows.contracts.wire import Document

GRAPH_NAME: Final = r"^[a-z][a-z0-9-]{0,63}$"
SEMVER: Final = (
    r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$"
)
NODE_NAME: Final = r"^[a-z][a-z0-9_-]{0,47}$"
CHANNEL_NAME: Final = r"^[a-z][a-z0-9_]{0,63}$"
DURATION: Final = r"^[0-9]{1,15}(ms|s|m|h)$"

RULES: Final = {
    GRAPH_NAME: "a graph's name: lower-case letters, digits and `-`, a letter first, at most 64",
    SEMVER: "a version such as `1.0.0`",
    NODE_NAME: "a node's or outcome's name: lower-case letters, digits, `_` and `-`, a letter first, at most 48",
    CHANNEL_NAME: "a name: lower-case letters, digits and `_`, a letter first, at most 64",
    DURATION: "a duration such as `500ms`, `30s`, `5m` or `24h`",
}
"""What each pattern asks for, in words."""

GraphName = Annotated[str, Field(pattern=GRAPH_NAME)]
Version = Annotated[str, Field(pattern=SEMVER, max_length=128)]
NodeName = Annotated[str, Field(pattern=NODE_NAME)]
ChannelName = Annotated[str, Field(pattern=CHANNEL_NAME)]
Duration = Annotated[str, Field(pattern=DURATION)]
Words = Annotated[str, Field(min_length=1, max_length=256)]
Expression = Annotated[str, Field(min_length=1)]
Schema = dict[str, object]

WORD: Final = "<word>"
MAPPING: Final = "<mapping>"

Reducer = Literal["last", "append", "extend", "merge", "add", "max", "min", "union", "messages", "first"]


class Strict(Document):
    """A part of a graph: frozen, no unknown fields, no value taken for another kind of value."""

    model_config = ConfigDict(strict=True)


class Retry(Strict):
    """How often and how fast a call is tried again. Intervals grow by `backoff` up to `max_interval`."""

    max_attempts: Annotated[int, Field(ge=1, le=1000)] | None = None
    initial: Duration | None = None
    backoff: Annotated[float, Field(ge=1, le=100)] | None = None
    max_interval: Duration | None = None


class FailureRoute(Strict):
    """Where the token goes when a node fails; the failure is bound as `error` there."""

    to: NodeName


def _form(value: object) -> str:
    """Which of two ways of writing a value was used; the tags are taken out of error places again."""
    return MAPPING if isinstance(value, dict | Strict) else WORD


OnFailureSpec = Annotated[
    Annotated[Literal["pause", "fail"], Tag(WORD)] | Annotated[FailureRoute, Tag(MAPPING)], Discriminator(_form)
]


class Defaults(Strict):
    """What holds for every node that does not say otherwise."""

    timeout: Duration | None = None
    retry: Retry | None = None
    max_visits: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    on_failure: OnFailureSpec | None = None


class ChannelSpec(Strict):
    """A channel of the state: how writes are merged, what it starts with, what it may hold."""

    reducer: Reducer = "last"
    initial: JsonValue = None
    schema_: Schema | None = Field(default=None, alias="schema")
    local: bool = False


class Quorum(Strict):
    """A scope that closes when so many branches have succeeded."""

    quorum: Annotated[int, Field(ge=1)]


Mode = Annotated[
    Annotated[Literal["all", "settle", "any"], Tag(WORD)] | Annotated[Quorum, Tag(MAPPING)], Discriminator(_form)
]
Concurrency = Annotated[int, Field(ge=1, le=10_000)]


class BranchSpec(Strict):
    """One arm of a fork; `with` binds names for it."""

    to: NodeName
    with_: dict[ChannelName, JsonValue] = Field(default={}, alias="with")
    optional: bool = False


AnyBranchSpec = Annotated[Annotated[NodeName, Tag(WORD)] | Annotated[BranchSpec, Tag(MAPPING)], Discriminator(_form)]


class ForkSpec(Strict):
    """Opens a scope with one branch per entry of `branches`."""

    branches: Annotated[list[AnyBranchSpec], Field(min_length=1)]
    join: NodeName
    mode: Mode = "all"
    max_concurrency: Concurrency = 16
    value: JsonValue = None


class MapSpec(Strict):
    """Opens a scope with one branch per item of the list `over`."""

    over: JsonValue
    as_: ChannelName = Field(alias="as")
    to: NodeName
    join: NodeName
    mode: Mode = "all"
    max_concurrency: Concurrency = 16
    value: JsonValue = None


class RuleSpec(Strict):
    """One rule of a plan: what it does when `when` holds. Exactly one of `to`, `fork` and `map`."""

    when: Expression | None = None
    to: NodeName | None = None
    fork: ForkSpec | None = None
    map: MapSpec | None = None


class CheckSpec(Strict):
    """One check: `when`; or `schema` with `value`; or `tool`, `with` and `when`; or `model` and `prompt`."""

    name: Words
    when: Expression | None = None
    schema_: Schema | None = Field(default=None, alias="schema")
    value: JsonValue = None
    tool: Words | None = None
    with_: dict[str, JsonValue] | None = Field(default=None, alias="with")
    model: Words | None = None
    prompt: Expression | None = None


PARTS: Final = (Retry, FailureRoute, Defaults, ChannelSpec, Quorum, BranchSpec, ForkSpec, MapSpec, RuleSpec, CheckSpec)
"""Every part of a graph that is neither a node nor the graph itself."""
