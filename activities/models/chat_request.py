"""A model call in the words of OpenAI's Chat Completions API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.models.chat_messages import messages_of
from activities.models.endpoint import OPENAI_KEY, Endpoint
from activities.models.provider import Ask, ToolOffer
from activities.models.structured import instruction, is_closed
from activities.models.tool_names import names_of

_SHAPE = ("type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "$ref", "$defs")
_STRICT = frozenset((*_SHAPE, "title", "description"))
"""The keywords that every model of the provider's own compiles into a grammar."""
MOST_DESCRIPTION_CHARS = 1024
"""The provider's own host takes no longer description of a tool, and refuses the whole request for one."""


def request_of(ask: Ask, endpoint: Endpoint, *, json_schema: bool = True) -> dict[str, Any]:
    """The arguments of `chat.completions.create`.

    The provider's own host takes `max_completion_tokens`; whoever else speaks the API, `max_tokens`.
    """
    names, at_home = names_of(ask), endpoint.is_own_of(OPENAI_KEY)
    limit = "max_completion_tokens" if at_home else "max_tokens"
    request: dict[str, Any] = {
        "model": ask.args.model,
        limit: ask.args.max_tokens,
        "stream_options": {"include_usage": True},
    }
    system = [ask.system] if ask.system else []
    if ask.output_schema is not None:
        form = _format(ask.output_schema) if json_schema else None
        if form is not None:
            request["response_format"] = {"type": "json_schema", "json_schema": form}
        if form is None or not form["strict"]:
            system.append(instruction(ask.output_schema))
    begin = [{"role": "system", "content": "\n\n".join(system)}] if system else []
    request["messages"] = [*begin, *(one for message in ask.conversation for one in messages_of(message, ask, names))]
    if ask.tools:
        most = MOST_DESCRIPTION_CHARS if at_home else None
        request["tools"] = [_tool(names.wire(offer.name), offer, most) for offer in ask.tools]
    if ask.args.temperature is not None:
        request["temperature"] = ask.args.temperature
    return request


def _tool(name: str, offer: ToolOffer, most: int | None) -> dict[str, Any]:
    told = offer.description
    told = told if most is None or len(told) <= most else f"{told[: most - 1]}…"
    said = {"description": told} if told else {}
    return {"type": "function", "function": {"name": name, **said, "parameters": dict(offer.input_schema)}}


def _format(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema as a `response_format`; null if it can be none, because it is not of an object or leaves gaps."""
    if schema.get("type") != "object" or not is_closed(schema):
        return None
    return {"name": "answer", "schema": dict(schema), "strict": _is_strict(schema)}


def _is_strict(schema: object) -> bool:
    """Whether the provider can hold an answer to the whole schema; it refuses one called strict that it cannot."""
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, Mapping):
        return True
    if not _STRICT.issuperset(schema):
        return False
    properties = schema.get("properties", {})
    if schema.get("type") == "object":
        whole = set(schema.get("required", ())) == set(properties)
        if not whole or schema.get("additionalProperties") is not False:
            return False
    parts = [*properties.values(), *schema.get("$defs", {}).values(), schema.get("items"), schema.get("anyOf")]
    return all(map(_is_strict, parts))
