"""How many images and documents one request to a provider has room for."""

from __future__ import annotations

from collections.abc import Sequence

from activities.models.media import media_of
from workflows.contracts.compaction import note_of
from workflows.contracts.conversation import IMAGES, PDF, Message, Part, ToolAnswer

MEDIA_BYTES = 21 * 1024 * 1024
"""28 MiB in base64: Anthropic takes requests of 32 MB, and OpenAI larger ones."""
MEDIA_COUNT = 20
"""With more of them Anthropic takes no image with a side over 2,000 pixels."""


def within_room(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages with a note for the oldest images and documents of results, so that the latest have room.

    Without it, one too many would have every later turn of the conversation refused. What is kept stays as it is.
    """
    shown = [part.ref.size_bytes for part in _media(messages) if part.ref is not None]
    over = len(shown) - _latest(shown)
    return tuple(messages) if over <= 0 else tuple(_without(messages, over))


def _latest(sizes: Sequence[int]) -> int:
    """How many of them, from the last one back, have room."""
    left = MEDIA_BYTES
    for count, size in enumerate(reversed(sizes)):
        left -= size
        if left < 0 or count == MEDIA_COUNT:
            return count
    return len(sizes)


def _without(messages: Sequence[Message], over: int) -> list[Message]:
    """The messages without the first `over` media of results."""
    found = []
    for message in messages:
        results: list[ToolAnswer] = []
        for result in message.results:
            old = [at for at, part in enumerate(result.content) if _is_media(part)][:over]
            over -= len(old)
            content = tuple(note_of(part) if at in old else part for at, part in enumerate(result.content))
            results.append(result.model_copy(update={"content": content}) if old else result)
        found.append(message.model_copy(update={"results": tuple(results)}) if message.results else message)
    return found


def _media(messages: Sequence[Message]) -> list[Part]:
    return [part for message in messages for result in message.results for part in result.content if _is_media(part)]


def _is_media(part: Part) -> bool:
    return part.ref is not None and media_of(part) in {*IMAGES, PDF}
