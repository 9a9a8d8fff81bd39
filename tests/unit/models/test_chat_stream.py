"""Turns of an agent with OpenAI's API, by the real SDK, against a server that checks every request."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.models.endpoint import read_endpoint
from activities.models.openai import OpenAI
from activities.models.provider import Ask, Tokens
from tests.support.answers import Answer, Block, Called, Said
from tests.support.asks import READ, SEARCH, ask_of, card_of, complete, play, user
from tests.support.model_calls import Heard
from tests.support.openai_server import OpenAIServer
from workflows.contracts.conversation import ToolUse

KEY = "sk-proj-canary-0123456789+/=abcdef"
At = Callable[..., OpenAI]
CARD = card_of("openai", "qwen3")
FIRST = ask_of(user("Begin."), system="You are careful.", tools=(READ, SEARCH), card=CARD)


@pytest.fixture
async def provider_at() -> AsyncIterator[At]:
    """Make providers at a URL; they are closed at the end."""
    async with AsyncExitStack() as stack:

        def make(url: str, reference: str | None = "env:CANARY") -> OpenAI:
            made = OpenAI(read_endpoint(url), reference, {"CANARY": KEY})
            stack.push_async_callback(made.close)
            return made

        yield make


async def failure_of(provider: OpenAI, ask: Ask = FIRST) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await complete(provider, ask)
    return caught.value


async def test_text_comes_with_usage_and_request_id(provider_at: At) -> None:
    usage = {"input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 60}
    heard = Heard()
    async with OpenAIServer(Answer(usage=usage), key=KEY) as server:
        reply = await complete(provider_at(server.base_url), FIRST, heard)
    assert (reply.text, reply.stop_reason, reply.request_id) == ("Hello, world.", "end_turn", "req_1")
    assert reply.tokens == Tokens(input=5, output=7, cache_read=900, cache_write=60)
    assert (heard.said[0], heard.said[-1]) == (("", 0), ("Hello, world.", 13))


async def test_calls_that_come_side_by_side_are_told_apart(provider_at: At) -> None:
    calls = (Called("fs_read", '{"path": "a"}', "c1"), Called("docs_search", '{"q": "long enough"}', "c2"))
    heard = Heard()
    async with OpenAIServer(Answer(blocks=(Said(["I look."]), *calls))) as server:
        reply = await complete(provider_at(server.base_url), FIRST, heard)
    assert (reply.text, reply.stop_reason) == ("I look.", "tool_use")
    assert reply.tool_calls == (
        ToolUse(id="c1", name="fs.read", args={"path": "a"}),
        ToolUse(id="c2", name="docs/search", args={"q": "long enough"}),
    )
    assert heard.tools == ["fs.read", "docs/search"]


async def test_turns_go_on_from_each_other(provider_at: At) -> None:
    calls = (Called("fs_read", "{}", "c1"), Called("fs_read", "not json", "c2"))
    async with OpenAIServer(Answer(blocks=calls), Answer(blocks=calls), Answer()) as server:
        replies = await play(provider_at(server.base_url), FIRST, 4)
        bodies = [request.body for request in server.requests]
    assert [reply.stop_reason for reply in replies] == ["tool_use", "tool_use", "end_turn", "end_turn"]
    assert "not a JSON object" in (replies[0].tool_calls[1].fault or "")
    assert not {use.id for use in replies[0].tool_calls} & {use.id for use in replies[1].tool_calls}
    for before, after in itertools.pairwise(bodies):
        assert after["messages"][: len(before["messages"])] == before["messages"]
        assert after["tools"] == before["tools"]


async def test_calls_without_ids_are_calls_all_the_same(provider_at: At) -> None:
    server = OpenAIServer(Answer(blocks=(Called("fs_read"), Called("fs_read"))), Answer())
    server.own_ids = False
    async with server:
        replies = await play(provider_at(server.base_url), FIRST, 2)
    assert [use.id for use in replies[0].tool_calls] == ["call", "call_2"]


@pytest.mark.parametrize("arguments", ["", '{"path": "a'])
async def test_call_that_is_cut_off_is_never_taken_for_a_whole_one(provider_at: At, arguments: str) -> None:
    answer = Answer(blocks=(Called("fs_read", arguments),), stop_reason="max_tokens")
    async with OpenAIServer(answer) as server:
        reply = await complete(provider_at(server.base_url), FIRST)
    assert (reply.stop_reason, "cut off" in (reply.tool_calls[0].fault or "")) == ("max_tokens", True)


@pytest.mark.parametrize(
    ("said", "meant"),
    [("length", "max_tokens"), ("content_filter", "refusal"), ("function_call", "tool_use"), ("x", "x")],
)
async def test_stop_reasons_have_our_words(provider_at: At, said: str, meant: str) -> None:
    async with OpenAIServer(Answer(stop_reason=said)) as server:
        assert (await complete(provider_at(server.base_url), FIRST)).stop_reason == meant


@pytest.mark.parametrize("finish", ["stop", "tool_calls"])
async def test_answer_with_calls_waits_for_them_whatever_the_server_says(provider_at: At, finish: str) -> None:
    async with OpenAIServer(Answer(blocks=(Called("fs_read"),), stop_reason=finish)) as server:
        assert (await complete(provider_at(server.base_url), FIRST)).stop_reason == "tool_use"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(usage=None),
        Answer(summed=False),
        Answer(usage={"input_tokens": 0, "output_tokens": 15}),
        Answer(usage={"input_tokens": 5, "output_tokens": -1}),
        Answer(usage={"input_tokens": -5, "output_tokens": 15, "cache_read_input_tokens": 9}),
        Answer(cut="close"),
        Answer(cut="end"),
        Answer(cut="end", parts=()),
        Answer(cut="error", message="overloaded"),
        Answer(cut="garbage"),
    ],
    ids=lambda answer: f"{answer.usage} {answer.summed} {answer.cut}",
)
async def test_answer_that_is_cut_or_hides_its_usage_is_not_free(provider_at: At, answer: Answer) -> None:
    async with OpenAIServer(answer) as server:
        error = await failure_of(provider_at(server.base_url))
        assert len(server.requests) == 1
    assert (error.type, error.non_retryable, error.details[0]) == ("MaybeBilled", True, {"billed": "maybe"})
    if answer.cut == "error":
        assert "overloaded" in error.message


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529])
async def test_busy_server_is_left_for_temporal_to_ask_again(provider_at: At, status: int) -> None:
    async with OpenAIServer(Answer(status=status, headers={"retry-after": "7"})) as server:
        error = await failure_of(provider_at(server.base_url))
        assert len(server.requests) == 1  # the SDK does not repeat by itself
    assert (error.type, error.non_retryable, error.next_retry_delay) == ("ModelFailed", False, timedelta(seconds=7))
    assert error.details[0]["billed"] == "no"
    assert f"the provider answered {status}: api_error: something is wrong" in error.message


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 307])
async def test_request_that_cannot_be_mended_is_not_sent_again(provider_at: At, status: int) -> None:
    async with OpenAIServer(Answer(status=status, headers={"location": "http://127.0.0.1:9/"})) as server:
        error = await failure_of(provider_at(server.base_url))
        assert len(server.requests) == 1
    assert (error.type, error.non_retryable) == ("ModelFailed", True)


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_key_is_a_missing_credential(provider_at: At, status: int) -> None:
    async with OpenAIServer(Answer(status=status)) as server:
        error = await failure_of(provider_at(server.base_url))
    assert (error.type, error.non_retryable) == ("CredentialMissing", True)
    assert "`env:CANARY`" in error.message


async def test_connection_that_is_refused_is_tried_again(provider_at: At) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = await failure_of(provider_at(f"http://127.0.0.1:{port}/v1"))
    assert (error.type, error.non_retryable, error.details[0]) == ("ModelFailed", False, {"billed": "no"})


async def test_cancelling_closes_the_stream(provider_at: At) -> None:
    async with OpenAIServer(Answer(cut="hang")) as server:
        call = asyncio.create_task(complete(provider_at(server.base_url), FIRST))
        await server.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(server.requests[0].gone.wait(), 5)


@pytest.mark.parametrize(("reference", "sent"), [(None, None), ("env:CANARY", f"Bearer {KEY}")])
async def test_nothing_of_the_environment_travels(
    provider_at: At, monkeypatch: pytest.MonkeyPatch, reference: str | None, sent: str | None
) -> None:
    names = ["API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "WEBHOOK_SECRET"]
    for name in names:
        monkeypatch.setenv(f"OPENAI_{name}", "stolen")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-mine: stolen\nAuthorization: Bearer stolen")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    async with OpenAIServer() as server:
        await complete(provider_at(server.base_url, reference), FIRST)
        (request,) = server.requests
    assert "stolen" not in str(request.headers)
    assert request.headers.get("authorization") == sent


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=400, message=f"bad key {KEY}", headers={"retry-after": KEY}),
        Answer(status=401, message=KEY),
        Answer(status=429, error=KEY, message=KEY),
        Answer(cut="error", error=KEY, message=KEY),
    ],
)
async def test_key_that_is_echoed_is_nowhere_in_an_error(provider_at: At, answer: Answer) -> None:
    async with OpenAIServer(answer) as server:
        error = await failure_of(provider_at(server.base_url))
    assert KEY not in f"{error!r} {error.details!r} {error.__cause__!r}"


@pytest.mark.parametrize(
    "block",
    [Called("fs_read", f'{{"path": "{KEY}"}}'), Called(KEY), Called("fs_read", "{}", KEY), Said([KEY[:9], KEY[9:]])],
    ids=lambda block: type(block).__name__,
)
async def test_key_that_is_echoed_is_nowhere_in_a_reply(provider_at: At, block: Block) -> None:
    heard = Heard()
    async with OpenAIServer(Answer(blocks=(block,), stop_reason=KEY)) as server:
        reply = await complete(provider_at(server.base_url), FIRST, heard)
    assert KEY not in f"{reply!r} {heard!r}"
