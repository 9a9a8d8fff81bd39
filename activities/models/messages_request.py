"""A model call in the words of Anthropic's Messages API."""

from __future__ import annotations

from typing import Any

import anthropic

from activities.models.provider import Ask
from activities.models.structured import instruction, is_closed
from workflows.contracts.calls import Message

SAMPLING_VERSION = "2023-06-01"
"""The last version of the API that takes `temperature`; later ones answer 400 to it, whatever the model."""


def request_of(ask: Ask) -> dict[str, Any]:
    """The arguments of `messages.stream`. A schema goes as a grammar if it can be one, else into the system prompt."""
    args = ask.args
    request: dict[str, Any] = {
        "model": args.model,
        "max_tokens": args.max_tokens,
        "messages": [_message(message) for message in args.messages],
    }
    system = [args.system] if args.system else []
    if args.output_schema is not None and is_closed(args.output_schema):
        schema = anthropic.transform_schema(dict(args.output_schema))
        request["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    elif args.output_schema is not None:
        system.append(instruction(args.output_schema))
    if system:
        request["system"] = "\n\n".join(system)
    if args.temperature is not None:
        request["extra_body"] = {"temperature": args.temperature}
        request["extra_headers"] = {"anthropic-version": SAMPLING_VERSION}
    return request


def _message(message: Message) -> dict[str, object]:
    return {"role": message.role, "content": [{"type": "text", "text": part.text or ""} for part in message.content]}
