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
from dataclasses import dataclass, field
from pathlib import Path

from activities.models import failures
from activities.models.pricing import usage_of
from activities.models.provider import TAIL_CHARS, Ask, Progress, Reply, Tokens
from activities.models.replies import ScriptReply
from policies.canonical import canonical
from policies.expressions import ExpressionError

BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 4
CHUNKS = 8
RUNS_REMEMBERED = 1000
SHOWN_CHARS = 800


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
        answer = _answer(ask, reply)
        # Before the first part: a provider bills what it made, also where nobody stayed to hear it.
        self._note(ask, answer.tokens, billed=True)
        if reply.cut:
            await _stream(answer.text[: len(answer.text) // 2], reply.delay_s / 2, progress)
            raise failures.maybe_billed(ask.card.alias, "the stream ended before the answer did")
        await _stream(answer.text, reply.delay_s, progress)
        return answer

    async def close(self) -> None:
        """Nothing is held open."""

    def _choose(self, ask: Ask) -> ScriptReply:
        line = self._line(ask.run)
        given = line.given.setdefault(ask.key, [])
        bindings = _bindings(ask)
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
                raise failures.model_failed(ask.card.alias, f"replies[{index}].when: {error}") from None
        raise failures.model_failed(ask.card.alias, f"no scripted reply matches {_asked(bindings)}")

    def _note(self, ask: Ask, tokens: Tokens, *, billed: bool) -> None:
        if self._journal is None:
            return
        usage = usage_of(tokens, ask.card.price, latency_ms=0).model_dump(mode="json")
        line = {"key": ask.key, "attempt": ask.attempt, "usage": usage, "billed": billed}
        # One write to a file opened for appending: lines of several workers never mix.
        with self._journal.open("ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")


def _answer(ask: Ask, reply: ScriptReply) -> Reply:
    asked_for_json = ask.args.output_schema is not None and reply.structured is not None
    text = (reply.structured if asked_for_json else reply.body or reply.structured) or ""
    if reply.tokens is not None:
        return Reply(text=text, stop_reason="end_turn", tokens=reply.tokens)
    limit = ask.args.max_tokens * BYTES_PER_TOKEN
    whole = text.encode()
    # As a provider does: what is over `max_tokens` is never made, so it is never billed.
    kept = whole[:limit].decode(errors="ignore")
    stop_reason = "end_turn" if len(whole) <= limit else "max_tokens"
    return Reply(text=kept, stop_reason=stop_reason, tokens=Tokens(_input_tokens(ask), _tokens_of(len(kept.encode()))))


async def _stream(text: str, delay_s: float, progress: Progress) -> None:
    size = max(1, -(-len(text) // CHUNKS))
    ends = range(size, len(text) + size, size) or range(1)
    progress("", 0)
    for end in ends:
        await asyncio.sleep(delay_s / len(ends))
        progress(text[:end][-TAIL_CHARS:], min(end, len(text)))


def _input_tokens(ask: Ask) -> int:
    texts = [ask.args.system or "", *(part.text or "" for message in ask.args.messages for part in message.content)]
    schema = canonical(ask.args.output_schema) if ask.args.output_schema is not None else b""
    in_bytes = sum(len(text.encode()) for text in texts) + len(schema)
    return _tokens_of(in_bytes) + TOKENS_PER_MESSAGE * len(ask.args.messages)


def _tokens_of(in_bytes: int) -> int:
    return -(-in_bytes // BYTES_PER_TOKEN)


def _bindings(ask: Ask) -> dict[str, object]:
    users = [message for message in ask.conversation if message.role == "user"]
    return {
        "prompt": "".join(ask.text_of(part) for part in users[-1].content) if users else "",
        "system": ask.system or "",
        "turn": sum(message.role == "assistant" for message in ask.conversation),
        "messages": len(ask.conversation),
        "tools": [offer.name for offer in ask.tools],
        # Nothing gives a model tools yet; an empty one lets a script ask without an error.
        "last_tool": {"name": "", "is_error": False, "text": ""},
    }


def _asked(bindings: Mapping[str, object]) -> str:
    parts = []
    for name in ("turn", "messages", "tools", "system", "prompt"):
        text = json.dumps(bindings[name], ensure_ascii=False)
        parts.append(f"{name}: {text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + '…'}")
    return "; ".join(parts)
