"""Mends a conversation so that every provider takes it: each tool call has its one result in the message after it.

In normal running there is nothing to mend. What may have gone wrong (a segment rebuilt, a server that repeats its ids)
must not end in a request that no provider takes and that no repetition mends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from workflows.contracts.conversation import Message, Part, ToolAnswer, ToolUse

MISSING: Final = (
    '{"message":"its result was lost: the call may or may not have run","retry":"never","type":"unknown_outcome"}'
)
"""Stands for the result of a call that has none."""
BEGUN_BEFORE: Final = "(what was said before this is not kept)"
"""Stands for the user's words where a conversation begins with the model's."""

_Place = tuple[int, int]
"""A tool call: which message, and which of its calls."""


def repair(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation as a provider takes it; one that is well-formed comes back as it is. Total and idempotent.

    Orphaned, repeated and misplaced results, empty messages and repeated ids are gone, missing results are errors,
    roles alternate, and the user speaks first.
    """
    return tuple(messages) if is_whole(messages) else mend(messages)


def is_whole(messages: Sequence[Message]) -> bool:
    """Whether there is nothing to mend, which is soon seen, also of a conversation of thousands of turns."""
    taken: set[str] = set()
    called = 0
    waiting: list[str] = []
    for at, message in enumerate(messages):
        if message.role != ("assistant" if at % 2 else "user") or not _stands(message):
            return False
        results, calls = message.results, message.tool_calls
        if (results or waiting) and [result.id for result in results] != waiting:
            return False
        waiting = [call.id for call in calls] if calls else []
        called += len(waiting)
        taken.update(waiting)
    return not waiting and len(taken) == called and "" not in taken


def mend(messages: Sequence[Message]) -> tuple[Message, ...]:
    """What `repair` does where there is something to mend."""
    whole: list[Message] = []
    for message in pair(messages):
        if whole and whole[-1].role == message.role:
            whole[-1] = _joined(whole[-1], message)
        else:
            whole.append(message)
    if whole and whole[0].role == "assistant":
        whole.insert(0, Message(role="user", content=(Part(text=BEGUN_BEFORE),)))
    return tuple(whole)


def pair(messages: Sequence[Message], *, open_end: bool = False) -> tuple[Message, ...]:
    """The same without joining neighbours of one role. With `open_end` the calls of the last message may wait."""
    found = _matched(messages)
    taken: set[str] = set()
    turns: list[Message] = []
    waiting: tuple[ToolAnswer, ...] = ()
    for at, message in enumerate(messages):
        content = tuple(part for part in message.content if not _is_blank(part))
        if message.role == "user":
            turns.append(_changed(message, content=content, tool_calls=(), results=waiting))
            waiting = ()
            continue
        turns.append(Message(role="user", results=waiting))
        calls = with_fresh_ids(message.tool_calls, taken)
        turns.append(_changed(message, content=content, tool_calls=calls, results=()))
        is_open = open_end and at == len(messages) - 1
        waiting = () if is_open else tuple(_answer(found.get((at, n)), call) for n, call in enumerate(calls))
    turns.append(Message(role="user", results=waiting))
    return tuple(turn for turn in turns if turn.content or turn.tool_calls or turn.results)


def with_fresh_ids(calls: Iterable[ToolUse], taken: set[str]) -> tuple[ToolUse, ...]:
    """The calls under ids that none before them has; `taken` learns them."""
    fresh: list[ToolUse] = []
    for call in calls:
        plain = call.id or "call"
        name, count = plain, 1
        while name in taken:
            count += 1
            name = f"{plain}_{count}"
        taken.add(name)
        fresh.append(call if call.id == name else call.model_copy(update={"id": name}))
    return tuple(fresh)


def _matched(messages: Sequence[Message]) -> dict[_Place, ToolAnswer]:
    """Which result is which call's.

    A result belongs to the last message before it that has a call of its id, and there to the first that has none yet.
    One that stands before its call is moved only where no other call has the id; anything else would be a guess.
    """
    calls: dict[str, list[_Place]] = {}
    found: dict[_Place, ToolAnswer] = {}
    early: dict[str, ToolAnswer] = {}
    for at, message in enumerate(messages):
        if message.role == "assistant":
            for n, call in enumerate(message.tool_calls):
                calls.setdefault(call.id, []).append((at, n))
        for result in message.results:
            places = calls.get(result.id)
            if places is None:
                early.setdefault(result.id, result)
            else:
                _take(result, places, found)
    for name, result in early.items():
        places = calls.get(name, [])
        if len(places) == 1:
            found.setdefault(places[0], result)
    return found


def _take(result: ToolAnswer, places: list[_Place], found: dict[_Place, ToolAnswer]) -> None:
    newest = places[-1][0]
    free = next((place for place in places if place[0] == newest and place not in found), None)
    if free is not None:
        found[free] = result


def _answer(found: ToolAnswer | None, call: ToolUse) -> ToolAnswer:
    if found is None:
        return ToolAnswer(id=call.id, content=(Part(text=MISSING),), is_error=True)
    return found if found.id == call.id else found.model_copy(update={"id": call.id})


def _stands(message: Message) -> bool:
    """Whether a message says something, nothing of it is blank, and it has no calls unless it is the model's."""
    if not message.content and not message.tool_calls and not message.results:
        return False
    return not (message.role == "user" and message.tool_calls) and not any(map(_is_blank, message.content))


def _is_blank(part: Part) -> bool:
    return part.ref is None and not (part.text or "").strip()


def _changed(message: Message, **fields: object) -> Message:
    """The message with other fields; the same one where they are the same."""
    changes = {name: value for name, value in fields.items() if getattr(message, name) != value}
    return message.model_copy(update=changes) if changes else message


def _joined(first: Message, second: Message) -> Message:
    """Two messages of one role as one. Of blocks that must stay as they are, only one message's can."""
    kept = second if second.raw else first
    return Message(
        role=first.role,
        content=(*first.content, *second.content),
        tool_calls=(*first.tool_calls, *second.tool_calls),
        results=(*first.results, *second.results),
        raw=kept.raw,
        provider=kept.provider,
    )
