"""The scripted provider: answers from a file, so that runs need no key and tests no luck.

`times` is counted per run, in the memory of the worker process, by idempotency key and attempt: the n-th attempt
of a call stands n-th in line for the replies. A worker that did not see the earlier attempts (it was restarted,
or another one made them) first takes out what they were given, which is the same reply by the same rules. What a
restarted worker cannot know are uses by *other* calls of the run: a reply with `times` that one of those used up
is there again. Branches that run at once share one line; who comes first gets the first reply.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from activities.models import failures
from activities.models.pricing import usage_of
from activities.models.provider import TAIL_CHARS, Ask, Progress, Reply, Tokens
from activities.models.replies import ScriptReply
from activities.models.script_answer import answer_of
from activities.models.script_bindings import asked, bindings_of
from policies.expressions import ExpressionError

CHUNKS = 8
RUNS_REMEMBERED = 1000


@dataclass(slots=True)
class _Line:
    """The replies that one run used: how often each, and which one each attempt of each call was given."""

    used: Counter[int] = field(default_factory=Counter)
    given: dict[str, list[int]] = field(default_factory=dict)


class Scripted:
    """Answers calls from a script. `journal` gets one JSON line per call really served: key, attempt, usage, billed."""

    def __init__(self, replies: Sequence[ScriptReply], *, journal: Path | None = None) -> None:
        self._replies = tuple(replies)
        self._journal = journal
        self._lines: OrderedDict[str, _Line] = OrderedDict()

    async def complete(self, ask: Ask, progress: Progress) -> Reply:
        """The reply that this attempt is due, after its delay, streamed in a few parts."""
        reply = self._choose(ask)
        if reply.error is not None:
            self._note(ask, Tokens(), billed=False)
            await asyncio.sleep(reply.delay_s)
            raise failures.status_failed(
                ask.card.alias,
                reply.error.status,
                reply.error.message,
                retry_after_s=reply.error.retry_after_s,
                key="the script",
            )
        answer = answer_of(ask, reply)
        # Before the first part: a provider bills what it made, also where nobody stayed to hear it.
        self._note(ask, answer.tokens, billed=True)
        if reply.cut:
            half = replace(answer, text=answer.text[: len(answer.text) // 2], tool_calls=())
            await _stream(half, reply.delay_s / 2, progress)
            raise failures.maybe_billed(ask.card.alias, "the stream ended before the answer did")
        await _stream(answer, reply.delay_s, progress)
        return answer

    async def close(self) -> None:
        """Nothing is held open."""

    def _choose(self, ask: Ask) -> ScriptReply:
        line = self._line(ask.run)
        given = line.given.setdefault(ask.key, [])
        bindings = bindings_of(ask)
        while len(given) < ask.attempt:
            index = self._first(line, ask, bindings)
            line.used[index] += 1
            given.append(index)
        return self._replies[given[ask.attempt - 1]]

    def _line(self, run: str) -> _Line:
        line = self._lines.setdefault(run, _Line())
        self._lines.move_to_end(run)
        if len(self._lines) > RUNS_REMEMBERED:
            self._lines.popitem(last=False)
        return line

    def _first(self, line: _Line, ask: Ask, bindings: Mapping[str, object]) -> int:
        for index, reply in enumerate(self._replies):
            if reply.times is not None and line.used[index] >= reply.times:
                continue
            try:
                if reply.when is None or reply.when.evaluate(bindings) is True:
                    return index
            except ExpressionError as error:
                raise failures.request_failed(ask.card.alias, f"replies[{index}].when: {error}") from None
        raise failures.request_failed(ask.card.alias, f"no scripted reply matches {asked(bindings)}")

    def _note(self, ask: Ask, tokens: Tokens, *, billed: bool) -> None:
        if self._journal is None:
            return
        usage = usage_of(tokens, ask.card.price, latency_ms=0).model_dump(mode="json")
        line = {"key": ask.key, "attempt": ask.attempt, "usage": usage, "billed": billed}
        # One write to a file opened for appending: lines of several workers never mix.
        with self._journal.open("ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")


async def _stream(answer: Reply, delay_s: float, progress: Progress) -> None:
    text = answer.text
    size = max(1, -(-len(text) // CHUNKS))
    ends = range(size, len(text) + size, size) or range(1)
    progress("", 0)
    for end in ends:
        await asyncio.sleep(delay_s / len(ends))
        progress(text[:end][-TAIL_CHARS:], min(end, len(text)))
    for call in answer.tool_calls:
        progress(text[-TAIL_CHARS:], len(text), tool=call.name)
