"""Reads the events of a streamed answer of Anthropic's Messages API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from anthropic.types import (
    MessageDeltaUsage,
    RawContentBlockDelta,
    RawContentBlockStartEvent,
    RawMessageDeltaEvent,
    RawMessageStreamEvent,
    Usage,
)

from activities.models.echoes import Echoes
from activities.models.messages_blocks import THINKING, kept_block
from activities.models.provider import Ask, Reply, Tokens
from activities.models.stream_text import StreamText
from activities.models.tool_arguments import tool_use
from activities.models.tool_names import names_of
from workflows.contracts.conversation import ToolUse

_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


@dataclass(slots=True)
class _Block:
    """A block as it began, and the parts that came for it. `signature` is that of a thought."""

    start: dict[str, Any]
    parts: list[str] = field(default_factory=list)
    signature: str | None = None

    @property
    def kind(self) -> str:
        return str(self.start["type"])

    def body(self, key: str) -> str:
        return str(self.start.get(key, "")) + "".join(self.parts)

    @property
    def arguments(self) -> str:
        """The text of a call's arguments. Some servers give them at once, as a value."""
        given = self.start.get("input")
        return json.dumps(given) if given and not self.parts else "".join(self.parts)

    def thought(self) -> dict[str, Any] | None:
        """The block as it has to be shown again; null for a thought that was cut off before it was signed."""
        if self.kind == "redacted_thinking":
            return self.start
        signature = self.signature or self.start.get("signature")
        return {**self.start, "thinking": self.body("thinking"), "signature": signature} if signature else None


class MessagesStream:
    """Takes the events of one answer; what it makes of tool calls is its own, because the SDK's reading of a call
    that is cut off looks like a whole one, and one that is no JSON ends the answer.
    """

    def __init__(self, ask: Ask, shown: StreamText, echoes: Echoes) -> None:
        self._ask, self._shown, self._echoes, self._names = ask, shown, echoes, names_of(ask)
        self._blocks: dict[int, _Block] = {}
        self._counts: dict[str, Any] = {}
        self._stop_reason: str | None = None
        self._seen: set[str] = set()

    @property
    def is_whole(self) -> bool:
        """Whether the answer came to its end. Its first event has a count, too: of what it began with."""
        return {"message_delta", "message_stop"} <= self._seen

    def take(self, event: RawMessageStreamEvent) -> None:
        """The next event."""
        self._seen.add(event.type)
        match event.type:
            case "message_start":
                self._count(event.message.usage)
            case "content_block_start":
                self._begin(event)
            case "content_block_delta":
                self._grow(self._blocks[event.index], event.delta)
            case "message_delta":
                self._end(event)
            case _:
                pass

    def reply(self, request_id: str | None) -> Reply:
        """The whole answer. One that does not say what it used raises: it may not pass as free."""
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        said = "".join(block.body("text") for block in blocks if block.kind == "text")
        text = self._echoes.text(said)
        return Reply(
            text=text,
            stop_reason=self._echoes.text(self._stop_reason or "unknown"),
            tokens=self._tokens(),
            request_id=self._echoes.text(request_id) if request_id else None,
            tool_calls=tuple(self._calls(blocks)),
            # Positions are those of the text as it came, which a key in it has moved.
            raw=tuple(self._kept(blocks)) if text == said else (),
        )

    def _begin(self, event: RawContentBlockStartEvent) -> None:
        block = self._blocks[event.index] = _Block(event.content_block.to_dict())
        if block.kind == "text" and block.body("text"):
            self._shown.add(block.body("text"))
        if block.kind == "tool_use":
            self._shown.writing(self._names.ours(str(block.start["name"])))

    def _grow(self, block: _Block, delta: RawContentBlockDelta) -> None:
        match delta.type:
            case "text_delta":
                block.parts.append(delta.text)
                self._shown.add(delta.text)
            case "input_json_delta":
                block.parts.append(delta.partial_json)
            case "thinking_delta":
                block.parts.append(delta.thinking)
            case "signature_delta":
                block.signature = delta.signature
            case _:
                pass

    def _end(self, event: RawMessageDeltaEvent) -> None:
        self._stop_reason = event.delta.stop_reason
        self._count(event.usage)

    def _count(self, usage: Usage | MessageDeltaUsage) -> None:
        # Counts are of all so far; one that is left out has not changed.
        found = {name: getattr(usage, name, None) for name in _COUNTS}
        self._counts |= {name: count for name, count in found.items() if count is not None}

    def _calls(self, blocks: list[_Block]) -> Iterator[ToolUse]:
        for block in blocks:
            if block.kind == "tool_use":
                cut = self._stop_reason == "max_tokens" and block is blocks[-1]
                name = self._names.ours(str(block.start["name"]))
                yield tool_use(str(block.start["id"]), name, block.arguments, self._echoes, cut=cut)

    def _kept(self, blocks: list[_Block]) -> Iterator[dict[str, Any]]:
        chars = calls = 0
        for block in blocks:
            chars += len(block.body("text")) if block.kind == "text" else 0
            calls += block.kind == "tool_use"
            thought = block.thought() if block.kind in THINKING else None
            # A changed thought is refused by the API, and one with a key in it is kept nowhere.
            if thought is not None and self._echoes.value(thought) == thought:
                yield kept_block(thought, self._ask.args.model, chars=chars, calls=calls)

    def _tokens(self) -> Tokens:
        counts = [self._counts.get(name, 0) for name in _COUNTS]
        # Nothing is asked without input, so a sum of zero says nothing.
        if not all(type(count) is int and count >= 0 for count in counts) or sum(counts) == counts[1]:
            raise ValueError("the answer does not say what it used")
        return Tokens(*counts)
