"""A server on loopback that speaks Anthropic's Messages API over HTTP and SSE, with answers written by tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

NO_SAMPLING_FROM = "2026-10-21"
"""The version of the API from which sampling parameters are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one request is answered with.

    An error status sends an error body; 200 streams `parts`, waiting `pause_s` before each. `cut` ends the stream
    after the parts: `close` drops the connection, `end` ends it in good form, `error` sends an error event, `hang`
    keeps it open, `garbage` sends what is no JSON. `usage` null leaves the counts out, `summed` false the event
    that brings the last of them.
    """

    status: int = 200
    parts: Sequence[str] = ("Hello", ", ", "world.")
    pause_s: float = 0.0
    cut: str = ""
    error: str = "api_error"
    message: str = "something is wrong"
    headers: Mapping[str, str] = field(default_factory=dict)
    stop_reason: str = "end_turn"
    summed: bool = True
    usage: Mapping[str, int] | None = field(default_factory=lambda: {"input_tokens": 25, "output_tokens": 15})


@dataclass(slots=True)
class Received:
    """One request as it came. `gone` is set when the client closed the connection before the answer's end."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, object]
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class AnthropicServer:
    """Serves the answers in their order, and the last one again when they are used up. `url` is its base URL."""

    def __init__(self, *answers: Answer, key: str | None = None) -> None:
        self.answers = deque(answers or [Answer()])
        self.requests: list[Received] = []
        self.asked = asyncio.Event()
        self._key = key
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[object]] = set()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            request = await _read_request(reader)
            if request is not None:
                self.requests.append(request)
                self.asked.set()
                await self._answer(request, reader, writer)
        except ConnectionError:
            pass  # the client went away
        finally:
            self._serving.discard(task)
            writer.transport.abort()

    async def _answer(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = self._refusal(request)
        if answer is None:
            answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        if answer.status != 200:
            await _send_error(writer, answer)
            return
        watch = asyncio.create_task(_watch(reader, request.gone))
        try:
            await _send_stream(writer, request, answer)
        except ConnectionError:
            request.gone.set()
        finally:
            watch.cancel()

    def _refusal(self, request: Received) -> Answer | None:
        """What the real API refuses whatever the question is."""
        if (request.method, request.path) != ("POST", "/v1/messages"):
            return _error(404, "not_found_error", "not found")
        if self._key is not None and request.headers.get("authorization") != f"Bearer {self._key}":
            return _error(401, "authentication_error", "invalid x-api-key")
        problem = _invalid(request.body, request.headers.get("anthropic-version", ""))
        return _error(400, "invalid_request_error", problem) if problem else None


def _error(status: int, error: str, message: str) -> Answer:
    return Answer(status=status, error=error, message=message)


def _invalid(body: dict[str, object], version: str) -> str | None:
    if not version:
        return "anthropic-version: header is required"
    for name in ("model", "max_tokens", "messages"):
        if name not in body:
            return f"{name}: Field required"
    if version >= NO_SAMPLING_FROM and "temperature" in body:
        return "temperature: Extra inputs are not permitted"
    config = body.get("output_config")
    return _open_object(config["format"]["schema"]) if isinstance(config, dict) else None


def _open_object(schema: object) -> str | None:
    if isinstance(schema, dict):
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
            return (
                "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
            )
        return next(filter(None, map(_open_object, schema.values())), None)
    return None


async def _read_request(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = head[0].split(" ")
    lines = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in lines}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, json.loads(body or b"{}"))


async def _watch(reader: asyncio.StreamReader, gone: asyncio.Event) -> None:
    with contextlib.suppress(ConnectionError):
        await reader.read()
    gone.set()


async def _send_error(writer: asyncio.StreamWriter, answer: Answer) -> None:
    body = json.dumps({"type": "error", "error": {"type": answer.error, "message": answer.message}}).encode()
    _send_head(writer, answer, "application/json", [f"content-length: {len(body)}", "connection: close"])
    writer.write(body)
    await writer.drain()


async def _send_stream(writer: asyncio.StreamWriter, request: Received, answer: Answer) -> None:
    _send_head(writer, answer, "text/event-stream", ["transfer-encoding: chunked", "connection: close"])
    counts = {} if answer.usage is None else {**answer.usage, "output_tokens": 1}
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": request.body["model"], "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": counts,
    }  # fmt: skip
    await _send(writer, "message_start", {"message": message})
    await _send(writer, "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
    await _send(writer, "ping", {})
    for part in answer.parts:
        await asyncio.sleep(answer.pause_s)
        await _send(writer, "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": part}})
    if answer.cut:
        await _cut(writer, answer)
        return
    await _send(writer, "content_block_stop", {"index": 0})
    total = {} if answer.usage is None else {"output_tokens": answer.usage["output_tokens"]}
    delta = {"stop_reason": answer.stop_reason, "stop_sequence": None}
    if answer.summed:
        await _send(writer, "message_delta", {"delta": delta, "usage": total})
    await _send(writer, "message_stop", {})
    await _send_chunk(writer, b"")


async def _cut(writer: asyncio.StreamWriter, answer: Answer) -> None:
    match answer.cut:
        case "end":
            await _send_chunk(writer, b"")
        case "error":
            await _send(writer, "error", {"error": {"type": answer.error, "message": answer.message}})
            await _send_chunk(writer, b"")
        case "garbage":
            await _send_chunk(writer, b"event: content_block_delta\ndata: {not json\n\n")
            await _send_chunk(writer, b"")
        case "hang":
            await asyncio.sleep(3600)
        case _:
            writer.transport.abort()


def _send_head(writer: asyncio.StreamWriter, answer: Answer, kind: str, extra: Sequence[str]) -> None:
    given = [f"{name}: {value}" for name, value in answer.headers.items()]
    lines = [f"HTTP/1.1 {answer.status} X", f"content-type: {kind}", "request-id: req_1", *extra, *given]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())


async def _send(writer: asyncio.StreamWriter, event: str, data: Mapping[str, object]) -> None:
    payload = json.dumps({"type": event, **data})
    await _send_chunk(writer, f"event: {event}\ndata: {payload}\n\n".encode())


async def _send_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()
