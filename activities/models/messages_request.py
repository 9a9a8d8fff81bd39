"""A model call in the words of Anthropic's Messages API."""

from __future__ import annotations

from typing import Any

import anthropic

from activities.models import failures
from activities.models.messages_blocks import THINKING, message_of
from activities.models.messages_options import LEAST_THINKING, PLAIN, MessagesOptions
from activities.models.provider import Ask
from activities.models.structured import instruction, is_closed
from activities.models.tool_names import ToolNames, names_of

SAMPLING_VERSION = "2023-06-01"
"""The last version of the API that takes `temperature`; later ones answer 400 to it, whatever the model."""
COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")
"""What a request to count tokens has in common with one for an answer."""

_EPHEMERAL = {"type": "ephemeral"}


def request_of(ask: Ask, options: MessagesOptions = PLAIN) -> dict[str, Any]:
    """The arguments of `messages.create`. A schema goes as a grammar if it can be one, else into the system prompt.

    Of one conversation each request begins with the one before: tools, system and messages stay as they were, and
    only the marks that say up to where the provider is to remember it move on.
    """
    names = names_of(ask)
    request: dict[str, Any] = {
        "model": ask.args.model,
        "max_tokens": ask.args.max_tokens,
        "messages": [message_of(message, ask, names) for message in ask.conversation],
        **_tools(ask, names),
    }
    system = [ask.system] if ask.system else []
    if ask.output_schema is not None and options.json_schema and is_closed(ask.output_schema):
        schema = anthropic.transform_schema(dict(ask.output_schema))
        request["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    elif ask.output_schema is not None:
        system.append(instruction(ask.output_schema))
    if system:
        request["system"] = "\n\n".join(system)
    _think(request, ask, options)
    _sample(request, ask)
    if options.caching and _goes_on(ask):
        _mark(request)
    return request


def _tools(ask: Ask, names: ToolNames) -> dict[str, Any]:
    if ask.tools:
        return {"tools": [_tool(names.wire(o.name), o.description, dict(o.input_schema)) for o in ask.tools]}
    spoken = sorted({use.name for message in ask.conversation for use in message.tool_calls})
    if not spoken:
        return {}
    # A conversation with calls in it needs tools, also where none may be asked for any more.
    gone = [_tool(names.wire(name), "Not available now.", {"type": "object"}) for name in spoken]
    return {"tools": gone, "tool_choice": {"type": "none"}}


def _tool(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    said = {"description": description} if description else {}
    return {"name": name, **said, "input_schema": schema}


def _think(request: dict[str, Any], ask: Ask, options: MessagesOptions) -> None:
    """Ask for thinking, where it was wanted and can be had."""
    if options.thinking is None or ask.compacting:
        return
    if options.thinking == "adaptive":
        request["thinking"] = {"type": "adaptive"}
        return
    most = ask.args.max_tokens
    # The gate may have lowered `max_tokens`, of which thinking is a part.
    budget = options.thinking if options.thinking < most else most // 2
    if budget >= LEAST_THINKING and _may_think(ask, request["messages"]):
        request["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _may_think(ask: Ask, messages: list[dict[str, Any]]) -> bool:
    """Whether the turn that results are for began with thinking: the API refuses to begin with it in the middle.

    It may have been another model's, whose thoughts this one is not shown, or have been made without.
    """
    in_a_turn = bool(ask.conversation) and bool(ask.conversation[-1].results)
    return not in_a_turn or messages[-2]["content"][0]["type"] in THINKING


def _sample(request: dict[str, Any], ask: Ask) -> None:
    if ask.args.temperature is None:
        return
    if "thinking" in request:
        what = (
            "the call has a temperature and the alias has thinking, and the API takes one of them: take out the other"
        )
        raise failures.model_failed(ask.card.alias, what)
    request["extra_body"] = {"temperature": ask.args.temperature}
    request["extra_headers"] = {"anthropic-version": SAMPLING_VERSION}


def _goes_on(ask: Ask) -> bool:
    """Whether another request will begin as this one does; what is never read again is not worth its writing."""
    return not ask.compacting and (bool(ask.tools) or len(ask.conversation) > 1)


def _mark(request: dict[str, Any]) -> None:
    """Mark the ends of what is stable, of what the turn before has written, and of the whole: at most three marks.

    The mark of the turn before is set again because the provider looks back only a few blocks from each.
    """
    if "system" in request:
        request["system"] = [{"type": "text", "text": request["system"], "cache_control": _EPHEMERAL}]
    elif "tools" in request:
        request["tools"] = [*request["tools"][:-1], {**request["tools"][-1], "cache_control": _EPHEMERAL}]
    asked = [message for message in request["messages"] if message["role"] == "user"]
    for message in asked[-2:]:
        *before, last = message["content"]
        message["content"] = [*before, {**last, "cache_control": _EPHEMERAL}]
