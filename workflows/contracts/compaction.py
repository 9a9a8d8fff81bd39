"""What becomes of a conversation that has grown too long: which messages stay, and what stands for the others.

It is done from the conversation alone, so whoever has only a history makes the same new beginning.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from workflows.contracts.conversation import Message, Part, ToolAnswer, weight_of
from workflows.contracts.repair import pair

SUMMARY_HEADING: Final = "Summary of the conversation so far, in place of the messages that it was made from:"


@dataclass(frozen=True, slots=True)
class Cut:
    """A conversation in parts. `denials` are the calls of `older` that were denied, with their results.

    `first` is what the user began with, null where the model did; `kept` are the last messages. No call is parted from
    its result; the calls of the very last message may wait for theirs.
    """

    first: Message | None
    older: tuple[Message, ...]
    denials: tuple[Message, ...]
    kept: tuple[Message, ...]


def cut(messages: Sequence[Message], keep: int) -> Cut:
    """Where a compaction cuts: after the first message, and before the last `keep` or an open call.

    Fewer than `keep` stay where they are more than half of it all: nothing would be gained, and every turn that follows
    would have to be made shorter again.
    """
    whole = pair(messages, open_end=True)
    begins = 1 if whole and whole[0].role == "user" else 0
    ends = max(begins, len(whole) - _last(whole, keep))
    if ends == len(whole) and whole and whole[-1].tool_calls:
        ends -= 1  # its results are still to come
    if ends < len(whole) and whole[ends].results:
        ends -= 1  # what they are the results of
    older = whole[begins:ends]
    return Cut(whole[0] if begins else None, older, tuple(_denials(older)), whole[ends:])


def summarised(messages: Sequence[Message], summary: str, keep: int) -> tuple[Message, ...]:
    """The new beginning: what the user began with, the summary, what was denied, and the last messages.

    The summary is a message of its own, so that the next compaction replaces it and not the first message.
    """
    parts = cut(messages, keep)
    told = Message(role="user", content=(Part(text=f"{SUMMARY_HEADING}\n\n{summary}"),))
    first = () if parts.first is None else (parts.first,)
    return (*first, told, *parts.denials, *parts.kept)


def elided(messages: Sequence[Message], keep: int) -> tuple[Message, ...]:
    """The conversation with a note for each of its oldest results until at most half of its weight remains.

    Only what a reference leads to is left out, so nothing is lost; what was denied, and the last messages, stay.
    """
    parts = cut(messages, keep)
    first = () if parts.first is None else (parts.first,)
    excess = -(-sum(map(_size, (*first, *parts.older, *parts.kept))) // 2)
    shorter: list[Message] = []
    for message in parts.older:
        short, saved = _shorter(message, excess)
        shorter.append(short)
        excess -= saved
    return (*first, *shorter, *parts.kept)


def _last(whole: Sequence[Message], keep: int) -> int:
    """How many messages at the end, `keep` at most, are half of it all or less."""
    sizes = [_size(message) for message in reversed(whole)]
    half = sum(sizes) / 2
    return min(max(0, keep), sum(size <= half for size in accumulate(sizes)))


def _denials(older: Sequence[Message]) -> list[Message]:
    found: list[Message] = []
    for asked, told in pairwise(older):
        denied = {result.id: result for result in told.results if result.denied}
        if denied:
            calls = tuple(call for call in asked.tool_calls if call.id in denied)
            found.append(Message(role="assistant", tool_calls=calls))
            found.append(Message(role="user", results=tuple(denied[call.id] for call in calls)))
    return found


def _shorter(message: Message, excess: int) -> tuple[Message, int]:
    """The message with notes for its first results, as many as are needed to save `excess` bytes; what that saves."""
    saved = 0
    results: list[ToolAnswer] = []
    for result in message.results:
        if saved < excess and not result.denied:
            content = tuple(map(note_of, result.content))
            saved += sum(map(weight_of, result.content)) - sum(map(weight_of, content))
            results.append(result.model_copy(update={"content": content}))
        else:
            results.append(result)
    return (message.model_copy(update={"results": tuple(results)}), saved) if saved else (message, 0)


def note_of(part: Part) -> Part:
    """What stands for a part: where it is kept. What has no reference, or is no longer than the note, stays."""
    if part.ref is None:
        return part
    what = part.media or "text"
    note = Part(text=f"[left out to save room: {part.ref.size_bytes} bytes of {what}, kept as {part.ref.uri}]")
    return note if weight_of(note) < weight_of(part) else part


def _size(message: Message) -> int:
    parts = [*message.content, *(part for result in message.results for part in result.content)]
    values = [*(call.args for call in message.tool_calls), *message.raw]
    return sum(map(weight_of, parts)) + sum(len(json.dumps(value)) for value in values)
