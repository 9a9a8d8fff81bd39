"""What OpenAI's Chat Completions API refuses, in its own words where they are known."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
MOST_ID_CHARS = 40
ROLES = {"system", "user", "assistant", "tool"}
PARTS = {"text", "image_url", "file"}

Body = dict[str, Any]


def problem_of(body: Body) -> str | None:
    """The first thing that is wrong with a request."""
    return next(_problems(body), None)


def _problems(body: Body) -> Iterator[str]:
    for name in ("model", "messages"):
        if not body.get(name):
            yield f"Missing required parameter: '{name}'."
            return
    if ("max_tokens" in body) == ("max_completion_tokens" in body):
        yield "Exactly one of 'max_tokens' and 'max_completion_tokens' is to be set."
    if body.get("stream") is not True:
        yield "'stream': every answer is to be streamed"
    yield from _of_tools(body)
    yield from _of_format(body)
    for index, message in enumerate(body["messages"]):
        yield from _of_message(message, f"messages[{index}]")
    yield from _of_calls(body["messages"])
    yield from _of_turns(body["messages"])


def _of_tools(body: Body) -> Iterator[str]:
    names = [tool["function"]["name"] for tool in body.get("tools", ())]
    if "tools" in body and not names:
        yield "[] is too short - 'tools'"
    if len(set(names)) < len(names):
        yield "Invalid 'tools': names must be unique."
    for name in names:
        if not NAME.match(name):
            yield f"Invalid 'tools[].function.name': '{name}' does not match '^[a-zA-Z0-9_-]+$'."


def _of_format(body: Body) -> Iterator[str]:
    form = body.get("response_format")
    if form is None:
        return
    schema = form["json_schema"]["schema"]
    if schema.get("type") != "object":
        yield "Invalid schema for response_format: schema must be a JSON Schema of 'type: \"object\"'"
    if form["json_schema"]["strict"]:
        yield from _gaps(schema)


def _gaps(schema: object) -> Iterator[str]:
    if isinstance(schema, list):
        for part in schema:
            yield from _gaps(part)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            yield "Invalid schema: 'additionalProperties' is required to be supplied and to be false"
        if set(schema.get("required", ())) != set(schema["properties"]):
            yield "Invalid schema: 'required' is required to include every key in properties"
    for part in schema.values():
        yield from _gaps(part)


def _of_message(message: Body, place: str) -> Iterator[str]:
    if message["role"] not in ROLES:
        yield f"Invalid value: '{message['role']}' - '{place}.role'"
    content = message.get("content")
    if not content and not message.get("tool_calls") and message["role"] != "tool":
        yield f"Invalid value for 'content' of '{place}': expected a string, got null."
    for part in content if isinstance(content, list) else ():
        if part["type"] not in (PARTS if message["role"] == "user" else {"text"}):
            yield f"Invalid value: '{part['type']}' - '{place}.content'"
    for call in message.get("tool_calls", ()):
        if not NAME.match(call["function"]["name"]):
            yield f"Invalid '{place}.tool_calls[].function.name'"
        if not 0 < len(call["id"]) <= MOST_ID_CHARS:
            yield f"Invalid '{place}.tool_calls[].id': string too long. Expected a string with maximum length 40."
        json.loads(call["function"]["arguments"])


def _of_calls(messages: list[Body]) -> Iterator[str]:
    """Each call is answered before anybody else speaks, and each answer is to a call."""
    waiting: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                yield f"messages[{index}]: 'tool' must be a response to a preceeding message with 'tool_calls'."
                return
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            yield f"An assistant message with 'tool_calls' must be followed by tool messages: {waiting}"
        waiting = [call["id"] for call in message.get("tool_calls", ())]
        if len(set(waiting)) < len(waiting):
            yield f"messages[{index}]: ids of tool calls must be unique"
    if waiting:
        yield f"An assistant message with 'tool_calls' must be followed by tool messages: {waiting}"


def _of_turns(messages: list[Body]) -> Iterator[str]:
    """The system first, then the user and the assistant in turn; results, with or without words, are the user's."""
    roles = [message["role"] for message in messages]
    if "system" in roles[1:]:
        yield "messages: the system's message is to be the first"
    turns = ["user" if role == "tool" else role for role in roles if role != "system"]
    folded = [role for index, role in enumerate(turns) if role != "user" or turns[index - 1 : index] != ["user"]]
    if any(role != ("user", "assistant")[index % 2] for index, role in enumerate(folded)):
        yield "messages: the user is to speak first, and roles are to alternate"
    if turns[-1:] != ["user"] or any(pair == ("user", "user") for pair in itertools.pairwise(roles)):
        yield "messages: the conversation is to end with the user, in one message"
