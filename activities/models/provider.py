"""What a provider is given, what it gives back: the same for every provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from workflows.contracts.calls import ModelArgs
from workflows.contracts.conversation import Message, Part, ToolUse
from workflows.contracts.run import ModelCard

TAIL_CHARS = 400


class Progress(Protocol):
    """Told how far an answer is; keeps the heartbeat alive."""

    def __call__(self, tail: str, chars: int, /, *, tool: str | None = None) -> None:
        """The end of the text so far (at most `TAIL_CHARS`), its characters so far, the tool call being written."""
        ...


@dataclass(frozen=True, slots=True)
class ToolOffer:
    """A tool that the model may ask for. `input_schema` is the JSON Schema of its arguments, its description aside."""

    name: str
    description: str
    input_schema: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One attempt at one model call.

    `key` is the call's idempotency key and `attempt` counts from 1, both as Temporal repeats them; `run` tells runs
    apart. Of `args` a provider reads the model, `max_tokens` and `temperature` alone: what the model is told is
    `conversation`, whole and repaired (it begins and ends with the user, roles alternate, each tool call has its result
    in the message after it), and `system`. `opened` holds what the references in it lead to, by digest. A message's
    `raw` blocks are for the provider that it names alone; another one leaves them out.
    """

    args: ModelArgs
    card: ModelCard
    key: str
    attempt: int
    run: str
    conversation: tuple[Message, ...]
    system: str | None = None
    tools: tuple[ToolOffer, ...] = ()
    output_schema: Mapping[str, Any] | None = None
    opened: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def compacting(self) -> bool:
        """Whether a summary of the conversation is asked for, and no turn."""
        return self.args.compact is not None and self.args.compact.how == "summary"

    def data_of(self, part: Part) -> bytes:
        """What a part holds, as bytes: an image, a document, text in UTF-8."""
        return self.opened[part.ref.digest] if part.ref is not None else (part.text or "").encode()

    def text_of(self, part: Part) -> str:
        """The text of a part without a `media`."""
        return self.data_of(part).decode() if part.ref is not None else part.text or ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens by rate. `input` leaves out what was read from or written to the provider's cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. A structured answer is the JSON text of `text`.

    `stop_reason` is one of `end_turn tool_use max_tokens stop_sequence refusal`, or the provider's own word for
    something else. `tool_calls` are in the model's order; one whose arguments are no JSON object has a `fault`. `raw`
    are blocks to be shown to this provider again as they are, with the turn that they came with.
    """

    text: str
    stop_reason: str
    tokens: Tokens
    request_id: str | None = None
    tool_calls: tuple[ToolUse, ...] = ()
    raw: tuple[dict[str, Any], ...] = ()


class Provider(Protocol):
    """Something that answers model calls over a stream."""

    async def complete(self, ask: Ask, progress: Progress) -> Reply:
        """Make one attempt. Raises the errors of `activities.models.failures`; never retries by itself."""
        ...

    async def close(self) -> None:
        """Give up what is held open."""
        ...
