"""Conversations as a provider is given them, and an agent that talks to one without an engine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from activities.models.provider import Ask, Provider, Reply, ToolOffer
from tests.support.model_calls import Heard, model_args
from workflows.contracts.conversation import Message, Part, Ref, ToolAnswer, ToolUse
from workflows.contracts.repair import with_fresh_ids
from workflows.contracts.run import ModelCard, PriceCard

SCHEMA: dict[str, object] = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
READ = ToolOffer("fs.read", "Read a file.", SCHEMA)
SEARCH = ToolOffer("docs/search", "Find pages.", {"type": "object", "properties": {"q": {"type": "string"}}})


def card_of(provider: str = "anthropic", model: str = "claude-haiku-4-5") -> ModelCard:
    """The card of an alias `default`."""
    return ModelCard(
        alias="default",
        provider=provider,
        model=model,
        max_tokens=8192,
        context=200_000,
        price=PriceCard(input=1000, output=5000, cache_read=100, cache_write=1250),
        digest="d" * 64,
    )


def user(text: str) -> Message:
    """What the user says."""
    return Message(role="user", content=(Part(text=text),))


def called(name: str, args: dict[str, Any] | None = None, *, call_id: str = "toolu_1", text: str = "") -> Message:
    """An answer that asks for one tool."""
    content = (Part(text=text),) if text else ()
    return Message(role="assistant", content=content, tool_calls=(ToolUse(id=call_id, name=name, args=args or {}),))


def answered(*parts: Part | str, call_id: str = "toolu_1", is_error: bool = False, text: str = "") -> Message:
    """What one call came to, and what the user says besides."""
    content = tuple(Part(text=part) if isinstance(part, str) else part for part in parts)
    said = (Part(text=text),) if text else ()
    return Message(role="user", results=(ToolAnswer(id=call_id, content=content, is_error=is_error),), content=said)


def shown(data: bytes, media: str | None = None) -> Part:
    """A part that leads to content."""
    digest = hashlib.sha256(data).hexdigest()
    return Part(ref=Ref(uri=f"blob:t/{digest}", digest=digest, size_bytes=len(data)), media=media)


def ask_of(*conversation: Message, opened: Sequence[bytes] = (), card: ModelCard | None = None, **fields: Any) -> Ask:
    """A question; `opened` are the contents that parts of it lead to, other fields those of `Ask` or its arguments."""
    given = card or card_of()
    args = {name: fields.pop(name) for name in ("max_tokens", "temperature") if name in fields}
    return Ask(
        args=model_args(model=given.model, messages=conversation, **args),
        card=given,
        key="a" * 64,
        attempt=1,
        run="t/g/1",
        conversation=conversation,
        opened={hashlib.sha256(data).hexdigest(): data for data in opened},
        **fields,
    )


def message_of(reply: Reply, provider: str) -> Message:
    """The message that a conversation goes on with."""
    return Message(
        role="assistant",
        content=(Part(text=reply.text),) if reply.text else (),
        tool_calls=reply.tool_calls,
        raw=reply.raw,
        provider=provider if reply.raw else None,
    )


async def complete(provider: Provider, ask: Ask, heard: Heard | None = None) -> Reply:
    """One answer."""
    return await provider.complete(ask, heard or Heard())


async def play(provider: Provider, first: Ask, turns: int) -> list[Reply]:
    """An agent's turns: whatever it asks for, it gets `ok`; what it is told otherwise is `go on`."""
    replies: list[Reply] = []
    ask, taken = first, set[str]()
    for turn in range(turns):
        given = await complete(provider, replace(ask, key=f"{turn:064x}"))
        reply = replace(given, tool_calls=with_fresh_ids(given.tool_calls, taken))
        replies.append(reply)
        results = tuple(ToolAnswer(id=use.id, content=(Part(text=f"ok {turn}"),)) for use in reply.tool_calls)
        told = Message(role="user", results=results, content=() if results else (Part(text="go on"),))
        ask = replace(ask, conversation=(*ask.conversation, message_of(reply, ask.card.provider), told))
    return replies
