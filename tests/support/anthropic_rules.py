"""What Anthropic's Messages API refuses, in its own words where they are known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

NO_SAMPLING_FROM = "2026-10-21"
"""The version of the API from which sampling parameters are refused."""
MOST_MARKS = 4
LEAST_THINKING = 1024
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}\Z")
ID = re.compile(r"[a-zA-Z0-9_-]+\Z")
IMAGES = {"image/jpeg", "image/png", "image/gif", "image/webp"}

Body = dict[str, Any]


def problem_of(body: Body, version: str, thoughts: Mapping[str, str], *, counted: bool) -> str | None:
    """The first thing that is wrong with a request; `thoughts` are those the server had, by signature."""
    return next(_problems(body, version, thoughts, counted=counted), None)


def _problems(body: Body, version: str, thoughts: Mapping[str, str], *, counted: bool) -> Iterator[str]:
    if not version:
        yield "anthropic-version: header is required"
    for name in ("model", "messages") if counted else ("model", "max_tokens", "messages"):
        if not body.get(name):
            yield f"{name}: Field required"
            return
    if not counted and body.get("stream") is not True:
        yield "stream: every answer is to be streamed"
    if version >= NO_SAMPLING_FROM and "temperature" in body:
        yield "temperature: Extra inputs are not permitted"
    if "output_config" in body:
        yield from _open_objects(body["output_config"]["format"]["schema"])
    yield from _of_tools(body)
    yield from _of_messages(body["messages"])
    yield from _of_calls(body)
    yield from _of_thinking(body, thoughts)
    yield from _of_marks(body)


def _open_objects(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
            what = "For 'object' type, 'additionalProperties' must be explicitly set to false"
            yield f"output_config.format.schema: {what}"
        for part in schema.values():
            yield from _open_objects(part)


def _of_tools(body: Body) -> Iterator[str]:
    names = [tool["name"] for tool in body.get("tools", ())]
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique."
    for index, tool in enumerate(body.get("tools", ())):
        if not NAME.match(tool["name"]):
            yield f"tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
        if tool["input_schema"].get("type") != "object":
            yield f"tools.{index}.custom.input_schema.type: Field required"


def _of_messages(messages: list[Body]) -> Iterator[str]:
    for index, message in enumerate(messages):
        if message["role"] != ("user", "assistant")[index % 2]:
            yield 'messages: first message must use the "user" role, and roles must alternate'
        if not message["content"]:
            yield f"messages.{index}: all messages must have non-empty content"
        for block in _deep(message["content"]):
            yield from _of_block(block, f"messages.{index}")
    if messages[-1]["role"] != "user":
        yield "This model does not support assistant message prefill. The conversation must end with a user message."


def _of_block(block: Body, place: str) -> Iterator[str]:
    source = block.get("source", {})
    match block["type"]:
        case "text" if not block["text"].strip():
            yield f"{place}: text content blocks must contain non-whitespace text"
        case "image" if source["media_type"] not in IMAGES:
            yield f"{place}: image.source.base64.media_type: Input should be one of {sorted(IMAGES)}"
        case "document" if source["media_type"] not in {"application/pdf", "text/plain"}:
            yield f"{place}: document.source.media_type: Input should be 'application/pdf'"
        case "tool_result" if block.get("is_error") and not block.get("content"):
            yield f"{place}: tool_result: content cannot be empty if `is_error` is true"
        case "tool_result" if block.get("is_error") and any(part["type"] != "text" for part in block["content"]):
            yield f'{place}: tool_result: all content must be type "text" if "is_error" is true'
        case "tool_use" if not (NAME.match(block["name"]) and ID.match(block["id"]) and type(block["input"]) is dict):
            yield f"{place}: tool_use: id, name or input is not valid"
        case _:
            pass


def _of_calls(body: Body) -> Iterator[str]:
    """Each call has its one result in the message after it, and each result its call."""
    messages: list[Body] = body["messages"]
    seen: set[str] = set()
    for index, message in enumerate(messages):
        asked = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
        after = messages[index + 1]["content"] if asked and index + 1 < len(messages) else []
        if len(set(asked)) < len(asked) or seen & set(asked):
            yield f"messages.{index}: `tool_use` ids must be unique"
        seen |= set(asked)
        given = [block["tool_use_id"] for block in after[: len(asked)] if block["type"] == "tool_result"]
        if sorted(given) != sorted(asked):
            yield f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: {asked}"
        results = [block for block in message["content"] if block["type"] == "tool_result"]
        before = messages[index - 1]["content"] if index else []
        if len(results) != sum(block["type"] == "tool_use" for block in before) and results:
            yield f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks"
    if seen and not body.get("tools"):
        yield "Requests which include `tool_use` or `tool_result` blocks must define tools"


def _of_thinking(body: Body, thoughts: Mapping[str, str]) -> Iterator[str]:
    for block in (block for message in body["messages"] for block in message["content"]):
        if block["type"] == "thinking" and thoughts.get(block["signature"]) != block["thinking"]:
            yield "Invalid `signature` in `thinking` block"
    config = body.get("thinking")
    if config is not None and "temperature" in body:
        yield "`temperature` may only be set to 1 when thinking is enabled"
    if config is not None and config["type"] == "enabled":
        yield from _of_budget(body, config["budget_tokens"])


def _of_budget(body: Body, budget: int) -> Iterator[str]:
    if not LEAST_THINKING <= budget < body.get("max_tokens", 10**9):
        yield "`max_tokens` must be greater than `thinking.budget_tokens`"
    results = any(block["type"] == "tool_result" for block in body["messages"][-1]["content"])
    if results and body["messages"][-2]["content"][0]["type"] not in {"thinking", "redacted_thinking"}:
        yield "Expected `thinking` or `redacted_thinking`. A final `assistant` message must start with a thinking block"


def _of_marks(body: Body) -> Iterator[str]:
    system = body.get("system", [])
    blocks = [*body.get("tools", ()), *(system if isinstance(system, list) else ())]
    blocks += [block for message in body["messages"] for block in _deep(message["content"])]
    marked = [block for block in blocks if "cache_control" in block]
    if len(marked) > MOST_MARKS:
        yield f"A maximum of 4 blocks with cache_control may be provided. Found {len(marked)}."
    if any("thinking" in block.get("type", "") for block in marked):
        yield "thinking: cache_control: Extra inputs are not permitted"


def _deep(content: list[Body]) -> Iterator[Body]:
    for block in content:
        yield block
        if block["type"] == "tool_result":
            yield from block.get("content", ())
