"""The servers that tests talk to refuse what the real ones do: a check that let everything pass would prove nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from activities.models.chat_request import request_of as chat_request
from activities.models.endpoint import read_endpoint
from activities.models.messages_options import MessagesOptions
from activities.models.messages_request import request_of as messages_request
from tests.support import anthropic_rules, openai_rules
from tests.support.anthropic_server import AnthropicServer
from tests.support.asks import READ, answered, ask_of, called, user

Body = dict[str, Any]
Spoil = Callable[[Body], object]
ASK = ask_of(
    user("Go."),
    called("fs.read", {"path": "a"}, call_id="t1", text="I look."),
    answered("line", call_id="t1"),
    called("fs.read", call_id="t2"),
    answered("line", call_id="t2", text="Hurry."),
    system="Be careful.",
    tools=(READ,),
    max_tokens=8000,
)
MESSAGES = {**messages_request(ASK), "stream": True}
CHAT = {**chat_request(ASK, read_endpoint("http://127.0.0.1:1/v1")), "stream": True}
THINKING = messages_request(ask_of(user("Go."), max_tokens=8000), MessagesOptions(thinking=2000))

MARK: Body = {"cache_control": {"type": "ephemeral"}}
IMAGE: Body = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "eA=="}}
THOUGHT: Body = {"type": "thinking", "thinking": "hm", "signature": "made up"}
LOOSE: Body = {"json_schema": {"strict": True, "schema": {"type": "object", "properties": {}, "required": []}}}


def of_anthropic(body: Body) -> str | None:
    return anthropic_rules.problem_of(body, "2026-10-21", {}, counted=False)


def at(body: Body, message: int, block: int = 0) -> Body:
    found: Body = body["messages"][message]["content"][block]
    return found


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda body: body.pop("model"), "model: Field required"),
        (lambda body: body.pop("max_tokens"), "max_tokens: Field required"),
        (lambda body: body.pop("stream"), "stream"),
        (lambda body: body.update(temperature=1), "temperature"),
        (lambda body: body["messages"].pop(0), "first message must use"),
        (lambda body: body["messages"].pop(), "must end with a user message"),
        (lambda body: body["messages"].insert(1, body["messages"][0]), "roles must alternate"),
        (lambda body: body["messages"][0].update(content=[]), "non-empty content"),
        (lambda body: at(body, 0).update(text=" \n"), "non-whitespace"),
        (lambda body: at(body, 1, 1).update(name="fs.read"), "tool_use: id, name"),
        (lambda body: at(body, 1, 1).update(id="t:1"), "tool_use: id, name"),
        (lambda body: at(body, 3).update(id="t1"), "must be unique"),
        (lambda body: body["messages"][2].update(content=[{"type": "text", "text": "x"}]), "without `tool_result`"),
        (lambda body: body["messages"][4]["content"].reverse(), "without `tool_result`"),
        (lambda body: body["messages"][4]["content"].append(at(body, 4)), "unexpected `tool_use_id`"),
        (lambda body: at(body, 2).update(tool_use_id="t9"), "without `tool_result`"),
        (lambda body: body["messages"][1]["content"].pop(), "unexpected `tool_use_id`"),
        (lambda body: body.pop("tools"), "must define tools"),
        (lambda body: body["tools"].append(body["tools"][0]), "must be unique"),
        (lambda body: body["tools"][0].update(name="fs.read"), "should match pattern"),
        (lambda body: body["tools"][0].update(input_schema={}), "input_schema.type"),
        (lambda body: [part.update(MARK) for part in (at(body, 0), at(body, 1), at(body, 3))], "Found 6"),
        (lambda body: at(body, 2).update(is_error=True, content=[IMAGE]), "all content must be type"),
        (lambda body: at(body, 2).update(is_error=True, content=[]), "cannot be empty if `is_error` is true"),
        (lambda body: body["messages"][0]["content"].append({**IMAGE, "source": {"media_type": "image/x"}}), "image"),
        (lambda body: body["messages"][1]["content"].insert(0, THOUGHT), "Invalid `signature`"),
        (lambda body: body.update(thinking={"type": "enabled", "budget_tokens": 2000}), "must start with a thinking"),
        (lambda body: body.update(output_config={"format": {"schema": {"type": "object"}}}), "explicitly set to false"),
    ],
)
def test_anthropic_refuses(spoil: Spoil, words: str) -> None:
    body = copy.deepcopy(MESSAGES)
    assert of_anthropic(body) is None
    spoil(body)
    assert words in (of_anthropic(body) or "")


def test_anthropic_refuses_more_thinking_than_answer() -> None:
    body = {**THINKING, "stream": True}
    assert of_anthropic(body) is None
    assert "must be greater" in (of_anthropic({**body, "max_tokens": 2000}) or "")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda body: body.pop("model"), "'model'"),
        (lambda body: body.pop("max_tokens"), "Exactly one of"),
        (lambda body: body.update(max_completion_tokens=1), "Exactly one of"),
        (lambda body: body.pop("stream"), "'stream'"),
        (lambda body: body.update(tools=[]), "too short"),
        (lambda body: body["tools"].append(body["tools"][0]), "must be unique"),
        (lambda body: body["tools"][0]["function"].update(name="fs.read"), "does not match"),
        (lambda body: body["messages"].pop(3), "must be followed by tool messages"),
        (lambda body: body["messages"].pop(2), "must be a response"),
        (lambda body: body["messages"].insert(4, body["messages"][3]), "must be a response"),
        (lambda body: body["messages"].pop(0) and body["messages"].pop(0), "the user is to speak first"),
        (lambda body: body["messages"].pop(), ""),
        (lambda body: body["messages"].append(body["messages"][-1]), "in one message"),
        (lambda body: body["messages"].append(body["messages"][0]), "to be the first"),
        (lambda body: body["messages"][1].update(content=""), "expected a string"),
        (lambda body: body["messages"][1].update(role="robot"), "'robot'"),
        (lambda body: body["messages"][3].update(content=[{"type": "image_url"}]), "'image_url'"),
        (lambda body: body["messages"][2]["tool_calls"][0].update(id="x" * 41), "string too long"),
        (lambda body: body["messages"][2]["tool_calls"][0]["function"].update(name="a.b"), "function.name"),
        (lambda body: body["messages"][2]["tool_calls"].append(body["messages"][2]["tool_calls"][0]), "unique"),
        (lambda body: body.update(response_format=LOOSE), "required to be supplied"),
    ],
)
def test_openai_refuses(spoil: Spoil, words: str) -> None:
    body = copy.deepcopy(CHAT)
    assert openai_rules.problem_of(body) is None
    spoil(body)
    problem = openai_rules.problem_of(body)
    assert words in (problem or "") if words else problem is None


async def test_bad_request_fails_the_test_that_made_it() -> None:
    with pytest.raises(AssertionError, match="must end with a user message"):
        async with AnthropicServer() as server:
            server.broken.append("The conversation must end with a user message.")
