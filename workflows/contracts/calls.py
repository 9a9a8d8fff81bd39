"""One model or tool call on the wire: the single argument of every activity, and its result."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from workflows.contracts.wire import Wire


class DecisionRecord(Wire):
    """What the gate said, short enough to ride in every call (at most 200 bytes of JSON).

    `policy` is the first 16 hex digits of the run card's policy digest; `digest` the first 16 of
    SHA-256 over canonical JSON of {engine, kind, name, args (SHA-256), tool, policy, verdict, rules}.
    """

    verdict: Literal["allow", "modify"]
    rules: tuple[str, ...] = ()
    policy: str
    digest: str


class Permit(Wire):
    """Evidence that a person allowed this call: which pause, what it asked, who said yes.

    `asked` is the document that `digest` is the digest of, `answers` the answers as they were given. With scope
    `once` the call is the one that was asked about; with `run` and `tenant` it is one that the approval covers.
    """

    pause: str
    triggers: tuple[str, ...]
    outcome: str
    by: str
    digest: str
    scope: Literal["once", "run", "tenant"] = "once"
    asked: dict[str, Any] = {}
    answers: tuple[dict[str, Any], ...] = ()


class Call(Wire):
    """What an activity is given. `key` is the idempotency key, 64 hex digits, stable over retries.

    `audit` is the head of the run's audit chain when the call was made, its first 16 hex digits. `grants` are
    the answers by which people granted capabilities that this call rests on.
    """

    v: int = 1
    name: str
    args: dict[str, Any]
    activation: str
    index: int
    node: str
    key: str
    generation: int = 0
    decision: DecisionRecord
    audit: str | None = None
    permit: Permit | None = None
    grants: tuple[Permit, ...] = ()


class Ref(Wire):
    """A blob: where it is, what it must hash to (SHA-256, 64 hex digits) and how large it is."""

    uri: str
    digest: str
    size_bytes: int


class Part(Wire):
    """A piece of content: text itself, or a reference that only an activity opens. Exactly one is set."""

    text: str | None = None
    ref: Ref | None = None


class Usage(Wire):
    """What a call used. `cost_nano` is integer nano-dollars, rounded up; `tokens` input and output together."""

    tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_nano: int = 0
    latency_ms: int = 0


class CallResult(Wire):
    """What an activity gives back."""

    v: int = 1
    status: Literal["ok"] = "ok"
    output: Any = None
    usage: Usage | None = None
    labels: tuple[str, ...] = ()


class Bill(Wire):
    """The first detail of a failed model call: whether the provider charges for it, and how much if it said so.

    Anything that does not say, such as a lost attempt, counts as `maybe` and is settled at its reservation.
    """

    billed: Literal["no", "yes", "maybe"] = "maybe"
    usage: Usage | None = None
    attempt: int | None = None


class Message(Wire):
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    content: tuple[Part, ...]


class ModelArgs(Wire):
    """The `args` of a model call. `output_schema` asks for structured output; `reserved_tokens` is the gate's."""

    alias: str
    model: str
    system: str | None = None
    messages: tuple[Message, ...]
    transcript: Ref | None = None
    tools: tuple[dict[str, Any], ...] = ()
    output_schema: dict[str, Any] | None = None
    max_tokens: int
    temperature: float | None = None
    reserved_tokens: int = 0
    reserved_nano: int = 0


class ModelOutput(Wire):
    """The `output` of a model call."""

    text: str
    output: Any = None
    stop_reason: str
    request_id: str | None = None
    content: tuple[dict[str, Any], ...] = Field(default=())
    transcript: Ref | None = None
