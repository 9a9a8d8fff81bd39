"""A server on loopback that speaks OpenAI's Chat Completions API over HTTP and SSE, with answers written by tests."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

from tests.support.answers import Answer, Called, Said
from tests.support.loopback import LoopbackServer, Received, Stream
from tests.support.openai_rules import problem_of

COMPLETIONS = "/v1/chat/completions"
FINISHED = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls", "refusal": "content_filter"}


class OpenAIServer(LoopbackServer):
    """What is asked must be well formed. `base_url` is what a models file says. `own_ids` false: calls have none."""

    id_header = "x-request-id"
    own_ids = True

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def refusal(self, request: Received) -> Answer | None:
        if (request.method, request.path) != ("POST", COMPLETIONS):
            return Answer(status=404, error="invalid_request_error", message="Invalid URL")
        if self._key is not None and request.headers.get("authorization") != f"Bearer {self._key}":
            return Answer(status=401, error="invalid_request_error", message="Incorrect API key provided")
        return None

    def problem(self, request: Received) -> str | None:
        return problem_of(request.body)

    async def error(self, stream: Stream) -> None:
        await stream.whole({"error": _error(stream.answer)})

    async def stream(self, stream: Stream, request: Received) -> None:
        answer = stream.answer
        stream.begin()
        await _delta(stream, {"role": "assistant", "content": ""})
        for block in answer.content:
            for part in block.parts if isinstance(block, Said) else ():
                await asyncio.sleep(answer.pause_s)
                await _delta(stream, {"content": part})
        await self._calls(stream, answer.calls)
        if answer.cut:
            await stream.cut(({"error": _error(answer)}, ""))
            return
        reason = answer.stop_reason or ("tool_use" if answer.calls else "end_turn")
        await _delta(stream, {}, FINISHED.get(reason, reason))
        if answer.summed and answer.usage is not None and request.body.get("stream_options", {}).get("include_usage"):
            await _send(stream, [], _usage(answer))
        await stream.chunk(b"data: [DONE]\n\n")
        await stream.chunk(b"")

    async def _calls(self, stream: Stream, calls: Sequence[Called]) -> None:
        """Side by side, as several calls of one answer may come."""
        for index, call in enumerate(calls):
            function = {"name": call.name, "arguments": ""}
            begun = {"index": index, "type": "function", "function": function}
            await _delta(stream, {"tool_calls": [{**begun, "id": call.id} if self.own_ids else begun]})
        rows = itertools.zip_longest(*(call.streamed() for call in calls))
        for row in rows:
            for index, part in enumerate(row):
                await asyncio.sleep(stream.answer.pause_s)
                if part is not None:
                    await _delta(stream, {"tool_calls": [{"index": index, "function": {"arguments": part}}]})


def _usage(answer: Answer) -> dict[str, object]:
    counts = dict(answer.usage or {})
    read, write = counts.get("cache_read_input_tokens", 0), counts.get("cache_creation_input_tokens", 0)
    prompt = counts["input_tokens"] + read + write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": counts["output_tokens"],
        "total_tokens": prompt + counts["output_tokens"],
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": write},
    }


def _error(answer: Answer) -> dict[str, object]:
    return {"message": answer.message, "type": answer.error, "param": None, "code": None}


async def _delta(stream: Stream, delta: dict[str, object], finish: str | None = None) -> None:
    await _send(stream, [{"index": 0, "delta": delta, "finish_reason": finish}], None)


async def _send(stream: Stream, choices: list[dict[str, object]], usage: object) -> None:
    chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
    await stream.send({**chunk, "usage": usage})
