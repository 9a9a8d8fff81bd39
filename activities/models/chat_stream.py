"""Reads the chunks of a streamed answer of OpenAI's Chat Completions API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from activities.models.echoes import Echoes
from activities.models.provider import Ask, Reply, Tokens
from activities.models.stream_text import StreamText
from activities.models.tool_arguments import tool_use
from activities.models.tool_names import names_of
from workflows.contracts.conversation import ToolUse

if TYPE_CHECKING:
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletionChunk
    from openai.types.chat.chat_completion_chunk import ChoiceDelta, ChoiceDeltaToolCall

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class ChatStream:
    """Takes the chunks of one answer. Calls grow side by side, told apart by their index."""

    def __init__(self, ask: Ask, shown: StreamText, echoes: Echoes) -> None:
        self._shown, self._echoes, self._names = shown, echoes, names_of(ask)
        self._text: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._finish: str | None = None
        self._usage: CompletionUsage | None = None
        self._refused = False

    @property
    def is_whole(self) -> bool:
        """Whether the answer came to its end."""
        return self._finish is not None

    def take(self, chunk: ChatCompletionChunk) -> None:
        """The next chunk. Usage comes with the last one, or with each, as a count of all so far."""
        self._usage = chunk.usage or self._usage
        for choice in chunk.choices or ():
            self._finish = choice.finish_reason or self._finish
            if choice.delta is not None:
                self._grow(choice.delta)

    def reply(self, request_id: str | None) -> Reply:
        """The whole answer. One that does not say what it used raises: it may not pass as free."""
        tokens = self._tokens()
        return Reply(
            text=self._echoes.text("".join(self._text)),
            stop_reason=self._stop_reason(),
            tokens=tokens,
            request_id=self._echoes.text(request_id) if request_id else None,
            tool_calls=tuple(self._tool_calls()),
        )

    def _grow(self, delta: ChoiceDelta) -> None:
        self._refused = self._refused or bool(delta.refusal)
        for text in (delta.content, delta.refusal):
            if text:
                self._text.append(text)
                self._shown.add(text)
        for part in delta.tool_calls or ():
            self._grow_call(part)

    def _grow_call(self, part: ChoiceDeltaToolCall) -> None:
        call = self._calls.setdefault(self._index(part), _Call())
        call.id = part.id or call.id
        if part.function is None:
            return
        if part.function.name and not call.name:
            call.name = part.function.name
            self._shown.writing(self._names.ours(call.name))
        call.arguments.append(part.function.arguments or "")

    def _index(self, part: ChoiceDeltaToolCall) -> int:
        """Which call a part is of. Some servers give every call the index 0, and each its own id, whole at once."""
        index = part.index if type(part.index) is int else len(self._calls)
        known = self._calls.get(index)
        if known is None or not part.id or part.id in {known.id, ""} or not known.id:
            return index
        return next((at for at, call in self._calls.items() if call.id == part.id), max(self._calls) + 1)

    def _tool_calls(self) -> Iterator[ToolUse]:
        order = sorted(self._calls)
        for index in order:
            call = self._calls[index]
            cut = self._finish == "length" and index == order[-1]
            name = self._names.ours(call.name)
            yield tool_use(call.id, name, "".join(call.arguments), self._echoes, cut=cut)

    def _stop_reason(self) -> str:
        if self._refused:
            return "refusal"
        found = _STOP_REASONS.get(self._finish or "", self._finish or "unknown")
        # Not every server has a word for it.
        return "tool_use" if self._calls and found == "end_turn" else self._echoes.text(found)

    def _tokens(self) -> Tokens:
        """Tokens by rate: those of the cache are part of the prompt's."""
        usage = self._usage
        details = usage.prompt_tokens_details if usage is not None else None
        prompt = usage.prompt_tokens if usage is not None else None
        output = usage.completion_tokens if usage is not None else None
        read = (details.cached_tokens if details is not None else None) or 0
        write = (details.cache_write_tokens if details is not None else None) or 0
        counts = (prompt, output, read, write)
        # Nothing is asked without input, so a prompt of zero says nothing.
        if not all(type(count) is int and count >= 0 for count in counts) or not prompt or read + write > prompt:
            raise ValueError("the answer does not say what it used: the endpoint has to support `stream_options`")
        assert output is not None
        return Tokens(prompt - read - write, output, read, write)
