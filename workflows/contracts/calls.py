"""One model or tool call on the wire: the single argument of every activity, and its result."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from workflows.contracts.conversation import Compact, Content, Message, Part, Ref, ToolUse
from workflows.contracts.wire import Wire

__all__ = [
    "Bill",
    "Call",
    "CallResult",
    "DecisionRecord",
    "Message",
    "ModelArgs",
    "ModelOutput",
    "Part",
    "Permit",
    "Ref",
    "Usage",
]


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
    the answers by which people granted capabilities that this call rests on. `content`: a model asked for the
    call, so its output comes back as `CallResult.content`. `fallback`: another model is asked if this one fails for
    good, so there is no use in waiting long for it. `tool`: the first 12 hex digits of the digest of the tool that
    the run knows.
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
    content: bool = False
    fallback: bool = False
    tool: str | None = None


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
    """What an activity gives back: `output`, or `content` where the call asks for that."""

    v: int = 1
    status: Literal["ok"] = "ok"
    output: Any = None
    usage: Usage | None = None
    labels: tuple[str, ...] = ()
    content: Content | None = None


class Bill(Wire):
    """The first detail of a failed model call: whether the provider charges for it, and how much if it said so.

    Anything that does not say, such as a lost attempt, counts as `maybe` and is settled at its reservation. `request`:
    what was asked is at fault, and no other model would do better.
    """

    billed: Literal["no", "yes", "maybe"] = "maybe"
    usage: Usage | None = None
    attempt: int | None = None
    request: bool = False


class ModelArgs(Wire):
    """The `args` of a model call. `output_schema` asks for structured output; `reserved_tokens` is the gate's.

    An agent's call goes on from `transcript`: `messages` are what is new, and `system` is there only where it is not
    in the transcript yet. `toolset` are the tools that the model may ask for, each as `name@<12 digits of its digest>`,
    sorted. `agent`: the answer is a turn, which may be tool calls, and is kept in a new transcript. `compact`: what is
    to become of the transcript; with `summary` there are no messages and no tools, and the answer is the summary.
    """

    alias: str
    model: str
    system: str | None = None
    messages: tuple[Message, ...] = ()
    transcript: Ref | None = None
    tools: tuple[dict[str, Any], ...] = ()
    toolset: tuple[str, ...] = ()
    output_schema: dict[str, Any] | None = None
    max_tokens: int
    temperature: float | None = None
    reserved_tokens: int = 0
    reserved_nano: int = 0
    agent: bool = False
    compact: Compact | None = None


class ModelOutput(Wire):
    """The `output` of a model call.

    `stop_reason` is one of `end_turn tool_use max_tokens stop_sequence refusal`, or the provider's own word for
    something else. Of an agent's turn: `tool_calls` in the model's order, `fault` what is wrong with a structured
    answer (then `output` is null), `transcript` where the conversation goes on from and `transcript_bytes` the size of
    all that it leads to. `content` are blocks that only `provider` understands (thinking).
    """

    text: str
    output: Any = None
    stop_reason: str
    request_id: str | None = None
    content: tuple[dict[str, Any], ...] = Field(default=())
    provider: str | None = None
    tool_calls: tuple[ToolUse, ...] = ()
    fault: str | None = None
    transcript: Ref | None = None
    transcript_bytes: int = 0
