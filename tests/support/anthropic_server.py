"""A server on loopback that speaks Anthropic's Messages API over HTTP and SSE, with answers written by tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from tests.support.answers import Answer, Block, Called, Hidden, Said, Thought
from tests.support.anthropic_rules import problem_of
from tests.support.loopback import LoopbackServer, Received, Stream

__all__ = ["Answer", "AnthropicServer", "Called", "Hidden", "Received", "Said", "Thought"]

MESSAGES, COUNT = "/v1/messages", "/v1/messages/count_tokens"
BYTES_PER_TOKEN = 4


class AnthropicServer(LoopbackServer):
    """What is asked must be well formed; a thought must come back as it went out, under the signature it had."""

    def __init__(self, *answers: Any, key: str | None = None) -> None:
        super().__init__(*answers, key=key)
        self.thoughts: dict[str, str] = {}

    def refusal(self, request: Received) -> Answer | None:
        if request.method != "POST" or request.path not in {MESSAGES, COUNT}:
            return Answer(status=404, error="not_found_error", message="not found")
        if self._key is not None and request.headers.get("authorization") != f"Bearer {self._key}":
            return Answer(status=401, error="authentication_error", message="invalid x-api-key")
        return None

    def problem(self, request: Received) -> str | None:
        counted = request.path == COUNT
        version = request.headers.get("anthropic-version", "")
        return problem_of(request.body, version, self.thoughts, counted=counted)

    async def error(self, stream: Stream) -> None:
        error = {"type": stream.answer.error, "message": stream.answer.message}
        await stream.whole({"type": "error", "error": error})

    async def stream(self, stream: Stream, request: Received) -> None:
        if request.path == COUNT:
            await stream.whole({"input_tokens": len(str(request.body)) // BYTES_PER_TOKEN})
            return
        answer = stream.answer
        stream.begin()
        counts = {} if answer.usage is None else {**answer.usage, "output_tokens": 1}
        message = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": request.body["model"], "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": counts,
        }  # fmt: skip
        await _send(stream, "message_start", message=message)
        await _send(stream, "ping")
        for index, block in enumerate(answer.content):
            await self._block(stream, index, block, last=index == len(answer.content) - 1)
        if not answer.cut:
            await _end(stream)

    async def _block(self, stream: Stream, index: int, block: Block, *, last: bool) -> None:
        await _send(stream, "content_block_start", index=index, content_block=_begun(block))
        async for delta in _deltas(block, stream.answer.pause_s):
            await _send(stream, "content_block_delta", index=index, delta=delta)
        if isinstance(block, Thought):
            self.thoughts[block.signature] = block.text
        if last and stream.answer.cut:
            error = {"type": stream.answer.error, "message": stream.answer.message}
            await stream.cut(({"type": "error", "error": error}, "error"))
            return
        await _send(stream, "content_block_stop", index=index)


def _begun(block: Block) -> dict[str, object]:
    match block:
        case Said():
            return {"type": "text", "text": ""}
        case Thought():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case Hidden():
            return {"type": "redacted_thinking", "data": block.data}
        case Called():
            return {"type": "tool_use", "id": block.id, "name": block.name, "input": {}}


async def _deltas(block: Block, pause_s: float) -> AsyncIterator[dict[str, str]]:
    match block:
        case Said():
            for part in block.parts:
                await asyncio.sleep(pause_s)
                yield {"type": "text_delta", "text": part}
        case Thought():
            for at in range(0, len(block.text), 10):
                await asyncio.sleep(pause_s)
                yield {"type": "thinking_delta", "thinking": block.text[at : at + 10]}
            yield {"type": "signature_delta", "signature": block.signature}
        case Called():
            for part in block.streamed():
                await asyncio.sleep(pause_s)
                yield {"type": "input_json_delta", "partial_json": part}
        case Hidden():
            pass


async def _end(stream: Stream) -> None:
    answer = stream.answer
    total = {} if answer.usage is None else {"output_tokens": answer.usage["output_tokens"]}
    reason = answer.stop_reason or ("tool_use" if answer.calls else "end_turn")
    if answer.summed:
        await _send(stream, "message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=total)
    await _send(stream, "message_stop")
    await stream.chunk(b"")


async def _send(stream: Stream, event: str, **data: object) -> None:
    await stream.send({"type": event, **data}, event)
