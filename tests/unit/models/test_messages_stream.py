"""Turns of an agent with Anthropic, by the real SDK, against a server that checks every request."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.models.anthropic import Anthropic
from activities.models.endpoint import read_endpoint
from activities.models.messages_options import PLAIN, MessagesOptions
from activities.models.provider import Tokens
from tests.support.answers import Answer, Block, Called, Hidden, Said, Thought
from tests.support.anthropic_server import AnthropicServer
from tests.support.asks import READ, SEARCH, answered, ask_of, complete, message_of, play, user
from tests.support.model_calls import Heard
from workflows.contracts.conversation import ToolUse

KEY = "sk-ant-canary-0123456789+/=abcdef"
At = Callable[..., Anthropic]
THINKING = MessagesOptions(thinking=2000)
FIRST = ask_of(user("Begin."), system="You are careful.", tools=(READ, SEARCH), max_tokens=8000)


@pytest.fixture
async def provider_at() -> AsyncIterator[At]:
    """Make providers at a URL; they are closed at the end."""
    async with AsyncExitStack() as stack:

        def make(url: str, options: MessagesOptions = PLAIN) -> Anthropic:
            made = Anthropic(read_endpoint(url), "env:CANARY", {"CANARY": KEY}, options)
            stack.push_async_callback(made.close)
            return made

        yield make


async def test_calls_come_with_our_names_and_whole_arguments(provider_at: At) -> None:
    calls = (Called("fs_read", '{"path": "a"}', "toolu_1"), Called("docs_search", '{"q": "é\\n"}', "toolu_2"))
    heard = Heard()
    async with AnthropicServer(Answer(blocks=(Said(["I ", "look."]), *calls))) as server:
        reply = await complete(provider_at(server.url), FIRST, heard)
    assert (reply.text, reply.stop_reason, reply.request_id) == ("I look.", "tool_use", "req_1")
    assert reply.tool_calls == (
        ToolUse(id="toolu_1", name="fs.read", args={"path": "a"}),
        ToolUse(id="toolu_2", name="docs/search", args={"q": "é\n"}),
    )
    assert heard.tools == ["fs.read", "docs/search"]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ('{"path": ', "Expecting value"),
        ("[1]", "it is a list"),
        ("null", "it is null"),
        ('{"n": NaN}', "NaN is not JSON"),
        ('{"n": "\\ud800"}', "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
    ],
)
async def test_arguments_that_are_no_object_are_the_models_to_mend(provider_at: At, arguments: str, fault: str) -> None:
    blocks = (Called("fs_read", arguments), Called("fs_read", '{"path": "b"}', "toolu_2"))
    async with AnthropicServer(Answer(blocks=blocks)) as server:
        reply = await complete(provider_at(server.url), FIRST)
    broken, whole = reply.tool_calls
    assert (broken.args, whole.args, whole.fault) == ({}, {"path": "b"}, None)
    assert broken.fault is not None
    assert fault in broken.fault
    assert len(broken.fault) < 500


@pytest.mark.parametrize("arguments", ["", '{"path": "a'])
async def test_call_that_is_cut_off_is_never_taken_for_a_whole_one(provider_at: At, arguments: str) -> None:
    answer = Answer(blocks=(Called("fs_read", arguments),), stop_reason="max_tokens")
    async with AnthropicServer(answer) as server:
        reply = await complete(provider_at(server.url), FIRST)
    assert reply.stop_reason == "max_tokens"
    assert "cut off at its limit of tokens" in (reply.tool_calls[0].fault or "")


async def test_call_without_arguments_has_none(provider_at: At) -> None:
    async with AnthropicServer(Answer(blocks=(Called("fs_read", ""),))) as server:
        reply = await complete(provider_at(server.url), FIRST)
    assert reply.tool_calls == (ToolUse(id="toolu_1", name="fs.read"),)


async def test_unknown_tool_keeps_the_name_that_the_model_gave_it(provider_at: At) -> None:
    async with AnthropicServer(Answer(blocks=(Called("send_mail"),)), Answer()) as server:
        replies = await play(provider_at(server.url), FIRST, 2)
    assert [use.name for use in replies[0].tool_calls] == ["send_mail"]


THINKS = [
    Answer(blocks=(Thought("I should look at it.", "sig-1"), Said(["Look."]), Called("fs_read", "{}", "t1"))),
    Answer(blocks=(Hidden("b64"), Thought("And again.", "sig-2"), Called("fs_read", "{}", "t2"))),
    Answer(blocks=(Said(["A. "]), Thought("Hm.", "sig-3"), Said(["B."]))),
]


async def test_thoughts_come_back_as_they_were_in_their_places(provider_at: At) -> None:
    async with AnthropicServer(*THINKS) as server:
        replies = await play(provider_at(server.url, THINKING), FIRST, 4)
        last = server.requests[-1].body
    assert replies[0].text == "Look."
    assert last["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    turns = [message["content"] for message in last["messages"] if message["role"] == "assistant"]
    assert [[block["type"] for block in turn] for turn in turns] == [
        ["thinking", "text", "tool_use"],
        ["redacted_thinking", "thinking", "tool_use"],
        ["text", "thinking", "text"],
    ]
    assert turns[0][0] == {"type": "thinking", "thinking": "I should look at it.", "signature": "sig-1"}
    assert turns[1][0] == {"type": "redacted_thinking", "data": "b64"}


async def test_server_refuses_a_thought_that_was_changed(provider_at: At) -> None:
    """What the loopback server checks it really checks: the attack on the test itself."""
    async with AnthropicServer(*THINKS) as server:
        provider = provider_at(server.url, THINKING)
        reply = await complete(provider, FIRST)
        reply.raw[0]["block"]["thinking"] += " Really."
        ask = ask_of(user("Begin."), message_of(reply, "anthropic"), answered("ok", call_id="t1"), tools=(READ,))
        with pytest.raises(ApplicationError, match="Invalid `signature`"):
            await complete(provider, ask)
        assert server.broken == ["Invalid `signature` in `thinking` block"]
        server.broken.clear()


async def test_thought_that_was_cut_off_is_not_kept(provider_at: At) -> None:
    async with AnthropicServer(Answer(blocks=(Thought("I sho", ""),), stop_reason="max_tokens")) as server:
        reply = await complete(provider_at(server.url, THINKING), FIRST)
    assert reply.raw == ()


async def test_each_request_begins_with_the_one_before(provider_at: At) -> None:
    """What caches need, byte for byte; and each turn marks what the one before has written."""
    answers = [
        Answer(
            blocks=(Said([f"Turn {turn}."]), *(Called("fs_read", '{"path": "a"}', f"t{turn}_{n}") for n in range(30)))
        )
        for turn in range(5)
    ]
    async with AnthropicServer(*THINKS, *answers) as server:
        await play(provider_at(server.url, THINKING), FIRST, 8)
        bodies = [request.body for request in server.requests]
    for before, after in itertools.pairwise(bodies):
        assert written(after).startswith(written(before)[: -len("]}")])
        ends = len(before["messages"]) - 1
        assert "cache_control" in before["messages"][ends]["content"][-1]
        assert "cache_control" in after["messages"][ends]["content"][-1]
        assert str(after).count("cache_control") == 3


def written(body: dict[str, Any]) -> str:
    """What the provider reads in the order in which it caches it, without the marks."""
    text = json.dumps({key: body[key] for key in ("tools", "system", "messages")}, sort_keys=False)
    return text.replace(', "cache_control": {"type": "ephemeral"}', "")


async def test_what_the_cache_saves_and_costs_is_accounted_for(provider_at: At) -> None:
    usage = {"input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 60}
    async with AnthropicServer(Answer(usage=usage)) as server:
        reply = await complete(provider_at(server.url), FIRST)
    assert reply.tokens == Tokens(input=5, output=7, cache_read=900, cache_write=60)


@pytest.mark.parametrize("reason", ["end_turn", "max_tokens", "stop_sequence", "refusal", "pause_turn"])
async def test_stop_reasons_stand_for_themselves(provider_at: At, reason: str) -> None:
    async with AnthropicServer(Answer(stop_reason=reason)) as server:
        assert (await complete(provider_at(server.url), FIRST)).stop_reason == reason


async def test_tokens_are_counted_without_an_answer(provider_at: At) -> None:
    async with AnthropicServer() as server:
        assert await provider_at(server.url).count_tokens(FIRST) > 20
        assert [request.path for request in server.requests] == ["/v1/messages/count_tokens"]
        assert server.requests[0].body.keys() == {"model", "messages", "system", "tools"}


@pytest.mark.parametrize(
    "block",
    [
        Called("fs_read", json.dumps({"path": KEY, KEY: [KEY]})),
        Called("fs_read", f'{{"path": "{KEY}'),
        Called(KEY, "{}"),
        Called("fs_read", "{}", KEY),
        Thought(f"It is {KEY}.", "sig"),
        Thought("It is.", KEY),
        Hidden(KEY),
        Said([KEY[:9], KEY[9:]]),
    ],
    ids=lambda block: type(block).__name__,
)
async def test_key_that_is_echoed_is_nowhere_in_a_reply(provider_at: At, block: Block) -> None:
    heard = Heard()
    async with AnthropicServer(Answer(blocks=(Said(["Well. "]), block), stop_reason="max_tokens")) as server:
        reply = await complete(provider_at(server.url), FIRST, heard)
    assert KEY not in f"{reply!r} {heard!r}"
    assert not any(block.get("signature") == "sig" for block in reply.raw)


async def test_key_of_the_alias_travels_whatever_the_environment_says(
    provider_at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "authorization: Bearer stolen\nx-api-key: stolen\nx-mine: stolen")
    async with AnthropicServer(key=KEY) as server:
        await complete(provider_at(server.url), FIRST)
        assert "stolen" not in str(server.requests[0].headers)
