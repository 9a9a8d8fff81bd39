"""A model call's turn: waiting for it before anything is sent, and what its end teaches about the provider."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.models import failures
from activities.models.lane import Lane, TooLong
from activities.stopping import worker_stops
from workflows.contracts.failures import FailureType

if TYPE_CHECKING:
    from types import TracebackType

    from activities.models.aliases import Entry
    from activities.models.provider import Ask, Tokens
    from workflows.contracts.conversation import Part

SHARE = 0.5
"""How much of an attempt's time may go into waiting; the rest is for the answer."""
TOO_MANY = 429
SERVER_ERRORS = 500
HOLD_S = 1.0
"""How long nothing is sent after a 429 that does not say how long."""


BYTES_PER_TOKEN = 4
MEDIA_TOKENS = 1600
"""About what an image or a page is to a model."""


def expected_tokens(ask: Ask) -> int:
    """About how many tokens an attempt will use at most: its question, and the longest answer to it."""
    parts = [part for message in ask.conversation for part in message.content]
    answers = [part for message in ask.conversation for answer in message.results for part in answer.content]
    in_bytes = len(ask.system or "") + sum(_size(ask, part) for part in (*parts, *answers))
    in_bytes += sum(len(str(call.args)) for message in ask.conversation for call in message.tool_calls)
    in_bytes += sum(len(tool.description) + len(str(tool.input_schema)) for tool in ask.tools)
    return -(-in_bytes // BYTES_PER_TOKEN) + ask.args.max_tokens


def _size(ask: Ask, part: Part) -> int:
    return MEDIA_TOKENS * BYTES_PER_TOKEN if part.media is not None else len(ask.data_of(part))


@dataclass(slots=True)
class Turn:
    """What a call took of its provider's rate; `used` is told how much of that it really was."""

    taken: int
    spent: int | None = None

    def used(self, tokens: Tokens) -> None:
        """The whole answer is there."""
        self.spent = tokens.input + tokens.output + tokens.cache_read + tokens.cache_write


class pace:  # noqa: N801 - it reads as the verb that it is: `async with pace(entry, tokens)`
    """Waits until the provider may be asked for up to `tokens`, then lets the block ask.

    Waiting is no attempt at anything: nothing is sent, billed or reserved by it, and the activity's heart beats on.
    Raises `ApplicationError`, not billed: where the wait would take more than its share of the attempt's time, and at
    once while the provider is left alone; the latter for good where the run has another model to `spare` for that.
    """

    def __init__(self, entry: Entry, tokens: int, *, spare: bool = False) -> None:
        self._entry, self._spare, self._turn = entry, spare, Turn(tokens)

    async def __aenter__(self) -> Turn:
        lane, alias = self._entry.lane, self._entry.card.alias
        if lane is not None:
            _require_closed(lane, alias, spare=self._spare)
            await _wait(lane, alias, self._turn.taken, _patience_s(self._entry))
            try:
                _require_closed(lane, alias, spare=self._spare)  # it may have opened while we waited
            except ApplicationError:
                lane.settle(self._turn.taken, 0)
                raise
            if lane.breaker is not None:
                lane.breaker.enter()
        return self._turn

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lane = self._entry.lane
        if lane is None:
            return
        _learn(lane, error)
        nothing_used = isinstance(error, ApplicationError) and _detail(error).get("billed") == "no"
        spent = 0 if nothing_used else self._turn.spent
        if spent is not None:
            lane.settle(self._turn.taken, spent)


async def _wait(lane: Lane, alias: str, tokens: int, patience_s: float) -> None:
    try:
        await lane.wait(tokens, patience_s)
    except TooLong as error:
        message = f"its provider's rate is used up for {error.wait_s:.0f} s, and nothing was sent"
        raise failures.put_off(alias, message, retry_after_s=error.wait_s) from None
    except asyncio.CancelledError:
        if worker_stops():
            # Said before it is repeated elsewhere: this attempt cost nothing.
            raise failures.put_off(alias, "the worker stopped before anything was sent", retry_after_s=None) from None
        raise


def _require_closed(lane: Lane, alias: str, *, spare: bool) -> None:
    wait_s = None if lane.breaker is None else lane.breaker.closed_for(lane.clock.now())
    if wait_s is None or lane.breaker is None:
        return
    what = f"its provider failed {lane.breaker.failures} times in a row and is left alone for {wait_s:.0f} s more"
    if spare:
        raise failures.model_failed(alias, what)
    raise failures.put_off(alias, what, retry_after_s=wait_s)


def _patience_s(entry: Entry) -> float:
    bound = activity.info().start_to_close_timeout if activity.in_activity() else None
    whole_s = entry.card.timeout_s if bound is None else min(bound.total_seconds(), entry.card.timeout_s)
    return whole_s * SHARE


def _learn(lane: Lane, error: BaseException | None) -> None:
    """Draw the consequences of a call's end: for the breaker, and for all others who want to ask."""
    status = asked_s = None
    if isinstance(error, ApplicationError):
        status, delay = _detail(error).get("status"), error.next_retry_delay
        asked_s = None if delay is None else delay.total_seconds()
    if isinstance(status, int) and (asked_s is not None or status == TOO_MANY):
        lane.hold(HOLD_S if asked_s is None else asked_s)
    if lane.breaker is None:
        return
    if error is None or (isinstance(status, int) and status < SERVER_ERRORS):
        lane.breaker.answered()
    elif _is_down(error, status):
        lane.breaker.failed(lane.clock.now())
    else:
        lane.breaker.gave_up()


def _is_down(error: BaseException, status: object) -> bool:
    """Whether it is the provider that failed: no connection, no whole answer, or an error of its own."""
    if isinstance(error, ApplicationError):
        return status is not None or error.type == FailureType.MAYBE_BILLED or not error.non_retryable
    return isinstance(error, TimeoutError)


def _detail(error: ApplicationError) -> dict[str, object]:
    detail = error.details[0] if error.details else None
    return detail if isinstance(detail, dict) else {}
