"""What a provider is given, what it gives back: the same for every provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from workflows.contracts.calls import ModelArgs
from workflows.contracts.run import ModelCard

TAIL_CHARS = 400

Progress = Callable[[str, int], None]
"""Told the last part of the text so far (at most `TAIL_CHARS`) and the characters so far; keeps the heartbeat alive."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One attempt at one model call.

    `key` is the call's idempotency key and `attempt` counts from 1, both as Temporal repeats them;
    `run` tells runs apart.
    """

    args: ModelArgs
    card: ModelCard
    key: str
    attempt: int
    run: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens by rate. `input` leaves out what was read from or written to the provider's cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. A structured answer is the JSON text of `text`."""

    text: str
    stop_reason: str
    tokens: Tokens
    request_id: str | None = None


class Provider(Protocol):
    """Something that answers model calls over a stream."""

    async def complete(self, ask: Ask, progress: Progress) -> Reply:
        """Make one attempt. Raises the errors of `activities.models.failures`; never retries by itself."""
        ...

    async def close(self) -> None:
        """Give up what is held open."""
        ...


def prompt_of(args: ModelArgs) -> str:
    """The text of the last message of the user; empty if there is none."""
    users = [message for message in args.messages if message.role == "user"]
    return "".join(part.text or "" for part in users[-1].content) if users else ""
