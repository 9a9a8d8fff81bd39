"""What a server that speaks OpenAI's API is sent of a conversation, to the letter."""

from __future__ import annotations

import base64
import inspect
from typing import Any

import pytest
from openai.resources.chat.completions import AsyncCompletions
from temporalio.exceptions import ApplicationError

from activities.models.chat_request import request_of
from activities.models.endpoint import OPENAI_URL, read_endpoint
from activities.models.provider import Ask, ToolOffer
from tests.support.asks import READ, SCHEMA, answered, ask_of, called, card_of, shown, user
from tests.support.openai_rules import problem_of
from workflows.contracts.conversation import Message, Part, ToolAnswer, ToolUse

LOCAL, HOME = read_endpoint("http://127.0.0.1:11434/v1"), read_endpoint(OPENAI_URL)
CARD = card_of("openai", "qwen3")
PNG, PDF = b"\x89PNG...", b"%PDF-1.7..."
CLOSED = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
CALLS = (ToolUse(id="c1", name="fs.read", args={"path": "é"}), ToolUse(id="c2", name="fs.read"))


def sent(ask: Ask, **options: bool) -> dict[str, Any]:
    """The request, which the API would take."""
    request = request_of(ask, LOCAL, **options)
    assert problem_of({**request, "stream": True}) is None
    return request


def test_whole_request_of_an_agent() -> None:
    results = (
        ToolAnswer(id="c1", content=(Part(text="line 1"), shown(b"line 2"))),
        ToolAnswer(id="c2", content=(Part(text='{"type":"denied"}'),), is_error=True),
    )
    ask = ask_of(
        user("Read a."),
        Message(role="assistant", content=(Part(text="I look."),), tool_calls=CALLS),
        Message(role="user", results=results, content=(Part(text="Hurry."),)),
        system="You are careful.",
        tools=(READ,),
        max_tokens=500,
        temperature=0.5,
        opened=[b"line 2"],
        card=CARD,
    )
    assert sent(ask) == {
        "model": "qwen3",
        "max_tokens": 500,
        "temperature": 0.5,
        "stream_options": {"include_usage": True},
        "tools": [
            {"type": "function", "function": {"name": "fs_read", "description": "Read a file.", "parameters": SCHEMA}}
        ],
        "messages": [
            {"role": "system", "content": "You are careful."},
            {"role": "user", "content": "Read a."},
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "fs_read", "arguments": '{"path":"é"}'}},
                    {"id": "c2", "type": "function", "function": {"name": "fs_read", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "line 1\nline 2"},
            {"role": "tool", "tool_call_id": "c2", "content": '[error]\n{"type":"denied"}'},
            {"role": "user", "content": "Hurry."},
        ],
    }


def test_the_providers_own_host_has_another_word_for_the_limit() -> None:
    request = request_of(ask_of(user("Hi."), max_tokens=7), HOME)
    assert (request["max_completion_tokens"], "max_tokens" in request) == (7, False)


def test_only_the_providers_own_host_cuts_descriptions() -> None:
    long = ToolOffer("fs.read", "x" * 5000, SCHEMA)
    sizes = [
        len(request_of(ask_of(user("Hi."), tools=(long,)), place)["tools"][0]["function"]["description"])
        for place in (HOME, LOCAL)
    ]
    assert sizes == [1024, 5000]


def test_images_and_documents_go_as_data() -> None:
    message = Message(role="user", content=(Part(text="See."), shown(PNG, "image/png"), shown(PDF, "application/pdf")))
    (wire,) = sent(ask_of(message, opened=[PNG, PDF]))["messages"]
    png, pdf = (base64.b64encode(data).decode() for data in (PNG, PDF))
    assert wire["content"] == [
        {"type": "text", "text": "See."},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}},
        {"type": "file", "file": {"filename": "document.pdf", "file_data": f"data:application/pdf;base64,{pdf}"}},
    ]


@pytest.mark.parametrize(
    ("model", "detail"), [("gpt-4o-mini", "low"), ("gpt-4o-mini-2024-07-18", "low"), ("gpt-4o", None)]
)
def test_a_model_that_counts_images_dearly_is_sent_small_ones(model: str, detail: str | None) -> None:
    message = Message(role="user", content=(shown(PNG, "image/png"),))
    (wire,) = sent(ask_of(message, opened=[PNG], card=card_of(model=model)))["messages"]
    assert wire["content"][0]["image_url"].get("detail") == detail


def test_image_of_a_result_follows_the_results() -> None:
    ask = ask_of(user("Look."), called("fs.read"), answered(shown(PNG, "image/png")), tools=(READ,), opened=[PNG])
    *_, result, after = sent(ask)["messages"]
    assert (result["role"], result["content"]) == ("tool", "[shown in the message after the results]")
    assert (after["role"], after["content"][0]["type"]) == ("user", "image_url")


def test_content_that_cannot_be_shown_says_so_in_a_result_and_fails_a_prompt() -> None:
    result = answered(shown(PNG, "audio/wav"))
    ask = ask_of(user("Hear."), called("fs.read"), result, tools=(READ,), opened=[PNG])
    assert f"`audio/wav`, {len(PNG)} bytes, is not shown" in sent(ask)["messages"][-1]["content"]
    with pytest.raises(ApplicationError, match="content of type `audio/wav` cannot be sent") as caught:
        request_of(ask_of(Message(role="user", content=(shown(PNG, "audio/wav"),)), opened=[PNG]), LOCAL)
    assert (caught.value.non_retryable, caught.value.details[0]) == (True, {"billed": "no"})


def test_thoughts_of_another_provider_are_left_out() -> None:
    turn = Message(role="assistant", content=(Part(text="A."),), raw=({"block": "x"},), provider="anthropic")
    assert sent(ask_of(user("Go."), turn, user("On.")))["messages"][1] == {"role": "assistant", "content": "A."}


def test_ids_names_and_silence_of_others_are_made_to_fit() -> None:
    odd = "toolu/" + "x" * 80
    silent = Message(role="assistant")
    ask = ask_of(user("Go."), called("no such!", call_id=odd), answered("no", call_id=odd), silent, user("Well?"))
    messages = sent(ask)["messages"]
    assert messages[1]["tool_calls"][0]["id"] == messages[2]["tool_call_id"]
    assert messages[3]["content"] == "(nothing)"


def test_schema_that_the_api_can_hold_is_strict() -> None:
    request = sent(ask_of(user("Count."), output_schema=CLOSED, tools=(READ,)))
    form = {"name": "answer", "schema": CLOSED, "strict": True}
    assert request["response_format"] == {"type": "json_schema", "json_schema": form}
    assert request["messages"][0]["role"] == "user"


@pytest.mark.parametrize(
    "changes",
    [{"required": []}, {"additionalProperties": None}, {"properties": {"n": {"type": "integer", "minimum": 1}}}],
)
def test_schema_that_it_may_not_hold_is_asked_for_in_words_too(changes: dict[str, object]) -> None:
    schema = {key: value for key, value in {**CLOSED, **changes}.items() if value is not None}
    request = sent(ask_of(user("Count."), system="Be brief.", output_schema=schema))
    assert request["response_format"]["json_schema"]["strict"] is False
    assert request["messages"][0]["content"].startswith("Be brief.\n\nAnswer with one JSON value")


@pytest.mark.parametrize(
    ("schema", "json_schema"),
    [
        ({"type": "array", "items": {"type": "string"}}, True),
        ({"type": "object"}, True),
        (CLOSED, False),
    ],
)
def test_schema_that_is_no_format_is_asked_for_in_words_alone(schema: dict[str, object], *, json_schema: bool) -> None:
    request = sent(ask_of(user("Count."), output_schema=schema), json_schema=json_schema)
    assert "response_format" not in request
    assert "Answer with one JSON value" in request["messages"][0]["content"]


def test_sdk_takes_all_that_is_sent() -> None:
    ask = ask_of(user("Hi."), system="S.", tools=(READ,), output_schema=CLOSED, temperature=1.0)
    taken = inspect.signature(AsyncCompletions.create).parameters
    assert request_of(ask, LOCAL).keys() | request_of(ask, HOME).keys() <= taken.keys()
