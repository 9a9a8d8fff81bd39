"""A server on loopback that answers HTTP requests with streams that tests wrote, and checks what it is asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from tests.support.answers import Answer

Script = Answer | Callable[["Received"], Answer]


@dataclass(slots=True)
class Received:
    """One request as it came. `gone` is set when the client closed the connection before the answer's end."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class Stream:
    """The connection that one answer goes out on."""

    def __init__(self, writer: asyncio.StreamWriter, answer: Answer, id_header: str) -> None:
        self._writer, self.answer, self._id = writer, answer, f"{id_header}: req_1"

    async def whole(self, body: object) -> None:
        """Send the answer as one JSON body."""
        data = json.dumps(body).encode()
        self._head("application/json", [f"content-length: {len(data)}"])
        self._writer.write(data)
        await self._writer.drain()

    def begin(self) -> None:
        """Begin a stream of events."""
        self._head("text/event-stream", ["transfer-encoding: chunked"])

    async def send(self, data: object, event: str = "") -> None:
        """One event."""
        await self.chunk(f"{f'event: {event}' + chr(10) if event else ''}data: {json.dumps(data)}\n\n".encode())

    async def chunk(self, data: bytes) -> None:
        """Bytes of the stream; none end it."""
        self._writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self._writer.drain()

    async def cut(self, *error: tuple[object, str]) -> None:
        """End before the answer is whole, in the way that it asks for; `error` are the arguments of its `send`."""
        match self.answer.cut:
            case "end":
                await self.chunk(b"")
            case "error":
                for data, event in error:
                    await self.send(data, event)
                await self.chunk(b"")
            case "garbage":
                await self.chunk(b"event: content_block_delta\ndata: {not json\n\n")
                await self.chunk(b"")
            case "hang":
                await asyncio.sleep(3600)
            case _:
                self._writer.transport.abort()

    def _head(self, kind: str, extra: Sequence[str]) -> None:
        given = [f"{name}: {value}" for name, value in self.answer.headers.items()]
        status = f"HTTP/1.1 {self.answer.status} X"
        lines = [status, f"content-type: {kind}", "connection: close", self._id, *extra, *given]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())


class LoopbackServer(ABC):
    """Serves the answers in their order, and the last one again when they are used up. `url` is where it is.

    A request that breaks the provider's rules is answered as the provider would, kept in `broken`, and fails the
    test at the end of the block; one that is meant to break them takes it out of there.
    """

    id_header = "request-id"

    def __init__(self, *answers: Script, key: str | None = None) -> None:
        self.answers = deque(answers or [Answer()])
        self.requests: list[Received] = []
        self.broken: list[str] = []
        self.asked = asyncio.Event()
        self._key = key
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[object]] = set()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()
        assert kind is not None or not self.broken, self.broken

    @abstractmethod
    def refusal(self, request: Received) -> Answer | None:
        """How the provider refuses a request, whatever it asks."""

    @abstractmethod
    def problem(self, request: Received) -> str | None:
        """What is wrong with a request by the provider's rules."""

    @abstractmethod
    async def error(self, stream: Stream) -> None:
        """Send an error."""

    @abstractmethod
    async def stream(self, stream: Stream, request: Received) -> None:
        """Stream an answer."""

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
        answer = self.refusal(request) or self._checked(request) or self._next(request)
        stream = Stream(writer, answer, self.id_header)
        if answer.status != 200:
            await self.error(stream)
            return
        watch = asyncio.create_task(_watch(reader, request.gone))
        try:
            await self.stream(stream, request)
        except ConnectionError:
            request.gone.set()
        finally:
            watch.cancel()

    def _checked(self, request: Received) -> Answer | None:
        problem = self.problem(request)
        if problem is None:
            return None
        self.broken.append(problem)
        return Answer(status=400, error="invalid_request_error", message=problem)

    def _next(self, request: Received) -> Answer:
        script = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        return script if isinstance(script, Answer) else script(request)


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
