"""What Anthropic is sent of a conversation, to the letter."""

from __future__ import annotations

import base64
import inspect

import pytest
from anthropic.resources.messages import AsyncMessages
from temporalio.exceptions import ApplicationError

from activities.models.messages_options import MessagesOptions
from activities.models.messages_request import COUNTED, request_of
from activities.models.provider import ToolOffer
from tests.support.anthropic_rules import problem_of
from tests.support.asks import READ, SCHEMA, SEARCH, answered, ask_of, called, card_of, shown, user
from workflows.contracts.conversation import Message, Part, ToolUse

MARK = {"cache_control": {"type": "ephemeral"}}
PNG, PDF = b"\x89PNG...", b"%PDF-1.7..."
CLOSED = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
PLAIN = MessagesOptions(caching=False)


def text(said: str) -> dict[str, object]:
    return {"type": "text", "text": said}


WHOLE = {
    "model": "claude-haiku-4-5",
    "max_tokens": 500,
    "system": [{**text("You are careful."), **MARK}],
    "tools": [
        {"name": "fs_read", "description": "Read a file.", "input_schema": SCHEMA},
        {
            "name": "docs_search",
            "description": "Find pages.",
            "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}},
        },
    ],
    "messages": [
        {"role": "user", "content": [text("Read a.")]},
        {
            "role": "assistant",
            "content": [
                text("I look."),
                {"type": "tool_use", "id": "toolu_1", "name": "fs_read", "input": {"path": "a"}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [text("line 1")], **MARK}],
        },
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "toolu_2", "name": "docs_search", "input": {"q": "b"}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": [text("found"), text("more")]},
                {**text("Hurry."), **MARK},
            ],
        },
    ],
}


def test_whole_request_of_an_agent() -> None:
    ask = ask_of(
        user("Read a."),
        called("fs.read", {"path": "a"}, text="I look."),
        answered("line 1"),
        called("docs/search", {"q": "b"}, call_id="toolu_2"),
        answered(shown(b"found"), "more", call_id="toolu_2", text="Hurry."),
        system="You are careful.",
        tools=(READ, SEARCH),
        max_tokens=500,
        opened=[b"found"],
    )
    assert request_of(ask) == WHOLE


def test_what_is_never_read_again_is_not_written_to_the_cache() -> None:
    asked = [
        request_of(ask_of(user("Hi."), system="Be brief.")),
        request_of(ask_of(user("Hi."), tools=(READ,)), PLAIN),
    ]
    assert [request["messages"] for request in asked] == [[{"role": "user", "content": [text("Hi.")]}]] * 2
    assert asked[0]["system"] == "Be brief."


def test_without_a_system_the_tools_are_what_is_stable() -> None:
    request = request_of(ask_of(user("Hi."), tools=(READ, SEARCH)))
    assert ["cache_control" in tool for tool in request["tools"]] == [False, True]


def test_images_and_documents_go_by_their_type() -> None:
    parts = (shown(PNG, "image/png"), shown(PDF, "application/pdf"), shown(b"a,b", "text/csv; charset=utf-8"))
    message = Message(role="user", content=parts)
    request = request_of(ask_of(message, opened=[PNG, PDF, b"a,b"]))
    assert [block["source"] for block in request["messages"][0]["content"]] == [
        {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()},
        {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(PDF).decode()},
        {"type": "text", "media_type": "text/plain", "data": "a,b"},
    ]
    assert [block["type"] for block in request["messages"][0]["content"]] == ["image", "document", "document"]


def test_result_may_show_an_image() -> None:
    ask = ask_of(user("Look."), called("fs.read"), answered(shown(PNG, "image/png")), tools=(READ,), opened=[PNG])
    (result,) = request_of(ask)["messages"][-1]["content"]
    assert result["content"][0]["type"] == "image"


@pytest.mark.parametrize(("media", "is_error"), [("audio/wav", False), ("image/png", True)])
def test_result_that_cannot_be_shown_says_so(media: str, *, is_error: bool) -> None:
    result = answered(shown(PNG, media), is_error=is_error)
    ask = ask_of(user("Look."), called("fs.read"), result, tools=(READ,), opened=[PNG])
    (block,) = request_of(ask, PLAIN)["messages"][-1]["content"]
    assert block.get("is_error", False) is is_error
    (content,) = block["content"]
    assert content["text"].startswith(
        f"[content of type `{media}`, {len(PNG)} bytes, is not shown: this provider takes"
    )
    assert problem_of({**request_of(ask), "stream": True}, "1", {}, counted=False) is None


def test_users_own_content_that_cannot_be_sent_fails_the_call() -> None:
    ask = ask_of(Message(role="user", content=(shown(PNG, "audio/wav"),)), opened=[PNG])
    with pytest.raises(ApplicationError, match="content of type `audio/wav` cannot be sent") as caught:
        request_of(ask)
    assert (caught.value.non_retryable, caught.value.details[0]) == (True, {"billed": "no"})


def test_ids_and_names_of_others_are_made_to_fit() -> None:
    odd = "call:1/" + "x" * 80
    ask = ask_of(user("Go."), called("no such tool!", call_id=odd), answered("no", call_id=odd, is_error=True))
    request = request_of(ask)
    use, result = request["messages"][1]["content"][0], request["messages"][2]["content"][0]
    assert use["id"] == result["tool_use_id"]
    assert use["name"] == "no_such_tool_"
    assert problem_of({**request, "stream": True}, "1", {}, counted=False) is None


def test_conversation_with_calls_has_tools_even_where_none_may_be_asked_for() -> None:
    ask = ask_of(user("Go."), called("fs.read"), answered("no"))
    request = request_of(ask)
    assert request["tool_choice"] == {"type": "none"}
    assert [tool["name"] for tool in request["tools"]] == ["fs_read"]


def test_message_without_content_gets_some() -> None:
    ask = ask_of(user("Go."), Message(role="assistant", content=(Part(text=" \n"),)), user("Well?"))
    assert request_of(ask)["messages"][1]["content"] == [text("(nothing)")]


def test_empty_result_has_no_content() -> None:
    ask = ask_of(user("Go."), called("fs.read"), answered(""), tools=(READ,))
    assert "content" not in request_of(ask)["messages"][-1]["content"][0]


def test_empty_error_has_some() -> None:
    ask = ask_of(user("Go."), called("fs.read"), answered(is_error=True), tools=(READ,))
    (result,) = request_of(ask, PLAIN)["messages"][-1]["content"]
    assert (result["is_error"], result["content"]) == (True, [text("(nothing)")])


def test_blank_prompt_is_the_providers_to_refuse() -> None:
    assert request_of(ask_of(user("")))["messages"] == [{"role": "user", "content": [text("")]}]


@pytest.mark.parametrize("tools", [(), (READ,)])
def test_schema_is_a_grammar_also_beside_tools(tools: tuple[ToolOffer, ...]) -> None:
    request = request_of(ask_of(user("Count."), system="Be brief.", output_schema=CLOSED, tools=tools))
    assert request["output_config"]["format"]["schema"]["properties"] == {"n": {"type": "integer"}}
    assert "JSON Schema" not in str(request["system"])


def test_endpoint_without_grammars_is_asked_in_words_in_the_stable_part() -> None:
    options = MessagesOptions(json_schema=False)
    request = request_of(ask_of(user("Count."), system="Be brief.", output_schema=CLOSED, tools=(READ,)), options)
    assert "output_config" not in request
    (block,) = request["system"]
    assert block["text"].startswith("Be brief.\n\nAnswer with one JSON value")


@pytest.mark.parametrize(
    ("thinking", "max_tokens", "sent"),
    [
        (2000, 8000, {"type": "enabled", "budget_tokens": 2000}),
        (8000, 8000, {"type": "enabled", "budget_tokens": 4000}),
        (8000, 2000, None),
        ("adaptive", 500, {"type": "adaptive"}),
        (None, 8000, None),
    ],
)
def test_thinking_fits_into_what_may_be_answered(thinking: object, max_tokens: int, sent: object) -> None:
    options = MessagesOptions(thinking=thinking)  # type: ignore[arg-type] # parametrised
    assert request_of(ask_of(user("Think."), max_tokens=max_tokens), options).get("thinking") == sent


def test_thinking_never_begins_in_the_middle_of_a_turn() -> None:
    options = MessagesOptions(thinking=2000)
    ask = ask_of(user("Go."), called("fs.read"), answered("ok"), tools=(READ,), max_tokens=8000)
    assert "thinking" not in request_of(ask, options)
    later = ask_of(*ask.conversation, called("fs.read", call_id="t2"), user("Stop."), tools=(READ,), max_tokens=8000)
    assert "thinking" in request_of(later, options)


def test_temperature_and_thinking_exclude_each_other() -> None:
    ask = ask_of(user("Go."), temperature=0.5, max_tokens=8000)
    with pytest.raises(ApplicationError, match="take out the other"):
        request_of(ask, MessagesOptions(thinking=2000))


THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}
TURN = Message(
    role="assistant",
    content=(Part(text="One. Two."),),
    tool_calls=(ToolUse(id="t1", name="fs.read"), ToolUse(id="t2", name="fs.read")),
    raw=(
        {"by": "claude-haiku-4-5", "chars": 0, "calls": 0, "block": THOUGHT},
        {"by": "claude-haiku-4-5", "chars": 5, "calls": 0, "block": {"type": "redacted_thinking", "data": "x"}},
        {"by": "claude-haiku-4-5", "chars": 9, "calls": 1, "block": THOUGHT},
    ),
    provider="anthropic",
)


def kinds(turn: Message, **card: str) -> list[str]:
    ask = ask_of(user("Go."), turn, user("On."), card=card_of(**card))
    return [block["type"] for block in request_of(ask)["messages"][1]["content"]]


def test_thoughts_stand_where_they_stood() -> None:
    assert kinds(TURN) == ["thinking", "text", "redacted_thinking", "text", "tool_use", "thinking", "tool_use"]
    ask = ask_of(user("Go."), TURN, user("On."))
    blocks = request_of(ask)["messages"][1]["content"]
    assert [block["text"] for block in blocks if block["type"] == "text"] == ["One. ", "Two."]
    assert blocks[0] == THOUGHT


def test_thoughts_are_shown_to_nobody_but_the_model_that_had_them() -> None:
    without = ["text", "tool_use", "tool_use"]
    assert kinds(TURN, model="claude-opus-4-6") == without
    assert kinds(TURN.model_copy(update={"provider": "other"})) == without


def test_sdk_takes_all_that_is_sent_and_still_lacks_what_goes_around_it() -> None:
    options = MessagesOptions(thinking=2000)
    ask = ask_of(user("Hi."), system="S.", tools=(READ,), output_schema=CLOSED, max_tokens=8000)
    sampled = request_of(ask_of(user("Hi."), temperature=0.5))
    taken = inspect.signature(AsyncMessages.create).parameters
    assert (request_of(ask, options).keys() | sampled.keys() | {"tool_choice"}) <= taken.keys()
    assert "temperature" not in taken  # once it is there again, messages_request.py need not send it as an extra
    assert set(COUNTED) <= inspect.signature(AsyncMessages.count_tokens).parameters.keys()
