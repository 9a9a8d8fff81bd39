"""What a loopback provider answers, in no provider's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Said:
    """Text, in the parts that it is streamed in."""

    parts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Thought:
    """Thinking, which comes with a signature that only the very same text goes with."""

    text: str
    signature: str


@dataclass(frozen=True, slots=True)
class Hidden:
    """Thinking that nobody is shown."""

    data: str


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call. Its arguments are text, as a model may write what is no JSON, and come in about so many `pieces`."""

    name: str
    arguments: str = "{}"
    id: str = "toolu_1"
    pieces: int = 3

    def streamed(self) -> list[str]:
        size = max(1, -(-len(self.arguments) // self.pieces))
        return [self.arguments[at : at + size] for at in range(0, len(self.arguments), size)]


Block = Said | Thought | Hidden | Called


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one request is answered with.

    An error status sends an error body; 200 streams `blocks`, or one of text in these `parts`, waiting `pause_s` before
    each part. `cut` ends the stream after the parts: `close` drops the connection, `end` ends it in good form, `error`
    sends an error event, `hang` keeps it open, `garbage` sends what is no JSON. `usage` null leaves the counts out,
    `summed` false the event that brings the last of them. The stop reason is that of what was said unless it is given.
    """

    status: int = 200
    parts: Sequence[str] = ("Hello", ", ", "world.")
    blocks: Sequence[Block] = ()
    pause_s: float = 0.0
    cut: str = ""
    error: str = "api_error"
    message: str = "something is wrong"
    headers: Mapping[str, str] = field(default_factory=dict)
    stop_reason: str | None = None
    summed: bool = True
    usage: Mapping[str, int] | None = field(default_factory=lambda: {"input_tokens": 25, "output_tokens": 15})

    @property
    def content(self) -> Sequence[Block]:
        return self.blocks or (Said(self.parts),)

    @property
    def calls(self) -> list[Called]:
        return [block for block in self.content if isinstance(block, Called)]
