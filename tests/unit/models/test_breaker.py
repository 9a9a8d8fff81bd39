"""When a provider is left alone, for how long, and what tries whether it is back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError

from activities.models import failures
from activities.models.breaker import PROBE_S, Breaker
from activities.models.lane import Lane
from activities.models.pacing import pace
from activities.models.traffic import LONGEST_S, BreakerRules
from tests.support.clocks import HandClock
from tests.unit.models.test_pacing import entry
from workflows.contracts.calls import Usage
from workflows.contracts.failures import FailureType

if TYPE_CHECKING:
    from collections.abc import Callable

DOWN = failures.not_sent("default", "no connection")


def lane(failures_in_a_row: int = 5) -> tuple[Lane, HandClock, Breaker]:
    clock = HandClock()
    found = Lane(None, BreakerRules(failures_in_a_row), clock)
    assert found.breaker is not None
    return found, clock, found.breaker


async def tried(line: Lane, error: BaseException | None = None, *, spare: bool = False) -> ApplicationError | None:
    """Make one call that ends so; how it failed, null if it did not."""
    try:
        async with pace(entry(line), 1, spare=spare):
            if error is not None:
                raise error
    except ApplicationError as caught:
        return caught
    return None


def overloaded(status: int = 529) -> ApplicationError:
    return failures.status_failed("default", status, "overloaded", retry_after_s=None, key="k")


@pytest.mark.parametrize(
    "error", [DOWN, overloaded(), overloaded(500), failures.maybe_billed("default", "the stream broke")]
)
async def test_five_failures_in_a_row_open_it_and_calls_fail_at_once_unbilled(error: ApplicationError) -> None:
    line, _, breaker = lane()
    for _ in range(5):
        assert breaker.open_until is None
        assert await tried(line, error) is error
    told = await tried(line)
    assert told is not None
    assert (told.type, told.non_retryable, told.details) == ("ModelFailed", False, ({"billed": "no"},))
    assert told.next_retry_delay == timedelta(seconds=60)
    assert "failed 5 times in a row and is left alone for 60 s more" in told.message


async def test_a_run_that_has_another_model_is_told_for_good() -> None:
    line, _, _ = lane(1)
    await tried(line, DOWN)
    told = await tried(line, spare=True)
    assert told is not None
    assert (told.non_retryable, told.details) == (True, ({"billed": "no"},))


@pytest.mark.parametrize("end", [None, overloaded(400), overloaded(429), overloaded(404)])
async def test_an_answer_of_any_kind_begins_the_count_anew(end: ApplicationError | None) -> None:
    line, clock, breaker = lane(2)
    await tried(line, DOWN)
    await tried(line, end)
    clock.time_s = 2  # a 429 holds all who ask for a second
    await tried(line, DOWN)
    assert breaker.open_until is None


@pytest.mark.parametrize(
    "error",
    [
        failures.credential_missing("default", "no key"),
        failures.model_failed("default", "no scripted reply"),
        failures.billed_failed(FailureType.MODEL_FAILED, "default", "not JSON", Usage(tokens=1)),
    ],
)
async def test_what_says_nothing_of_the_provider_neither_opens_nor_closes_it(error: ApplicationError) -> None:
    line, _, breaker = lane(2)
    await tried(line, DOWN)
    for _ in range(9):
        await tried(line, error)
    assert (breaker.failures, breaker.open_until) == (1, None)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_does_not_open_it(status: int) -> None:
    line, _, breaker = lane(1)
    await tried(line, overloaded(status))
    assert breaker.open_until is None


async def test_one_call_tries_whether_the_provider_is_back_and_the_others_wait() -> None:
    line, clock, breaker = lane(1)
    await tried(line, DOWN)
    clock.time_s = 60
    async with pace(entry(line), 1):
        told = await tried(line)
        assert told is not None
        assert told.next_retry_delay == timedelta(seconds=PROBE_S)
    assert breaker.open_until is None
    assert await tried(line) is None


async def test_each_time_it_fails_again_it_is_left_alone_five_times_as_long_and_an_hour_at_most() -> None:
    line, clock, breaker = lane(1)
    waits = []
    for _ in range(5):
        await tried(line, DOWN)
        assert breaker.open_until is not None
        waits.append(breaker.open_until - clock.now())
        clock.time_s = breaker.open_until
    assert waits == [60, 300, 1500, LONGEST_S, LONGEST_S]
    await tried(line)
    await tried(line, DOWN)
    assert breaker.open_until == clock.now() + 60, "an answer begins the count anew"


async def test_a_try_that_is_given_up_leaves_the_next_call_to_try() -> None:
    line, clock, breaker = lane(1)
    await tried(line, DOWN)
    clock.time_s = 60
    with pytest.raises(KeyboardInterrupt):
        async with pace(entry(line), 1):
            raise KeyboardInterrupt
    assert breaker.open_until is not None
    assert await tried(line) is None
    assert breaker.open_until is None


async def test_calls_that_were_on_their_way_when_it_opened_do_not_prolong_it() -> None:
    line, _, breaker = lane(1)
    async with pace(entry(line), 1):
        await tried(line, DOWN)
        opened = breaker.open_until
        breaker.failed(30.0)
        assert breaker.open_until == opened


async def test_a_call_that_waited_in_line_does_not_go_where_it_opened_meanwhile() -> None:
    line, clock, breaker = lane(1)
    line.hold(10)
    breaker.answered()

    async def opens(seconds: float) -> None:
        clock.time_s += seconds
        breaker.failed(clock.now())

    clock.sleep = opens  # type: ignore[method-assign] # a clock of this test's own
    told = await tried(line)
    assert told is not None
    assert "left alone" in told.message


CHANGES: dict[str, Callable[[Breaker, float], None]] = {
    "answered": lambda breaker, _now: breaker.answered(),
    "failed": lambda breaker, now: breaker.failed(now),
    "gave_up": lambda breaker, _now: breaker.gave_up(),
}


@given(steps=st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.floats(0, 4000, allow_nan=False)), max_size=40))
def test_it_never_stays_closed_to_all_for_longer_than_an_hour(steps: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(BreakerRules()), 0.0
    for change, passed_s in steps:
        now += passed_s
        if breaker.closed_for(now) is None:
            breaker.enter()
            CHANGES[change](breaker, now)
        assert (breaker.closed_for(now) or 0) <= LONGEST_S
        assert not breaker.probing
