"""How fast a provider is asked: in line, as its rate allows, and not at all for as long as it asks."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.activity import ActivityCancellationDetails
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.models import failures
from activities.models.aliases import Entry
from activities.models.bucket import Bucket
from activities.models.catalogue import load_catalogue
from activities.models.lane import Lane, TooLong
from activities.models.pacing import expected_tokens, pace
from activities.models.provider import Ask, Tokens, ToolOffer
from activities.models.router import Router
from activities.models.traffic import Rate
from tests.support.anthropic_server import Answer, AnthropicServer
from tests.support.clocks import HandClock, settled
from tests.support.model_calls import attempt_call, model_args
from tests.unit.models.conftest import KEY
from workflows.contracts.conversation import Message, Part, Ref, ToolAnswer, ToolUse
from workflows.contracts.run import ModelCard, PriceCard

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

CARD = ModelCard(
    alias="default", provider="p", model="m", max_tokens=9, context=99, price=PriceCard(), digest="d", timeout_s=600.0
)
HOUR_S = 3600.0


def lane(requests: int | None = None, tokens: int | None = None) -> tuple[Lane, HandClock]:
    """A lane of so much a minute, and its clock."""
    clock = HandClock()
    return Lane(Rate(requests, tokens, 60.0), clock=clock), clock


def entry(of: Lane | None) -> Entry:
    return Entry(CARD, Router(), lane=of)


async def passing(name: str, waiting: Awaitable[None], passed: list[str]) -> None:
    await waiting
    passed.append(name)


async def test_as_many_as_the_rate_allows_go_at_once_and_the_rest_as_it_is_refilled() -> None:
    line, clock = lane(requests=3)
    passed: list[str] = []
    async with asyncio.TaskGroup() as group:
        for name in "abcde":
            group.create_task(passing(name, line.wait(0, HOUR_S), passed))
        await settled()
        assert passed == ["a", "b", "c"]
        await clock.advance(19.9)
        assert passed == ["a", "b", "c"]
        await clock.advance(0.2)
        assert passed == ["a", "b", "c", "d"]
        await clock.advance(20)
        assert passed == ["a", "b", "c", "d", "e"]


async def test_a_small_call_does_not_overtake_a_large_one() -> None:
    line, clock = lane(tokens=100)
    passed: list[str] = []
    async with asyncio.TaskGroup() as group:
        for name, tokens in (("first", 60), ("large", 90), ("small", 1)):
            group.create_task(passing(name, line.wait(tokens, HOUR_S), passed))
        await settled()
        assert passed == ["first"], "the small one would fit"
        await clock.advance(HOUR_S)
    assert passed == ["first", "large", "small"]


async def test_a_call_that_is_larger_than_all_there_is_waits_until_all_of_it_is_there() -> None:
    line, clock = lane(tokens=100)
    await line.wait(1, HOUR_S)
    passed: list[str] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(passing("huge", line.wait(5000, HOUR_S), passed))
        await clock.advance(0.5)
        assert passed == []
        await clock.advance(0.2)
    assert passed == ["huge"]


async def test_one_that_is_given_up_takes_nothing_and_lets_those_behind_it_go() -> None:
    line, clock = lane(tokens=100)
    await line.wait(100, HOUR_S)
    passed: list[str] = []
    async with asyncio.TaskGroup() as group:
        large = group.create_task(passing("large", line.wait(100, HOUR_S), passed))
        group.create_task(passing("small", line.wait(10, HOUR_S), passed))
        await clock.advance(6.1)
        assert passed == []
        large.cancel()
        await clock.advance(0.6)
        assert passed == ["small"], "ten tokens are there since six seconds"


async def test_what_was_not_used_is_put_back_and_what_was_used_beyond_is_owed() -> None:
    line, _ = lane(tokens=100)
    async with pace(entry(line), 100) as turn:
        turn.used(Tokens(input=10, output=5, cache_read=3, cache_write=2))
    await line.wait(80, 0)
    line.settle(80, 180)
    with pytest.raises(TooLong) as caught:
        await line.wait(1, 0)
    assert caught.value.wait_s == pytest.approx(60.6)


async def test_a_call_that_says_not_what_it_used_has_used_what_it_took() -> None:
    line, _ = lane(tokens=100)
    with pytest.raises(ApplicationError):
        async with pace(entry(line), 100):
            raise failures.maybe_billed("default", "cut")
    with pytest.raises(TooLong):
        await line.wait(1, 0)


async def test_a_call_that_was_not_billed_has_used_no_tokens() -> None:
    line, _ = lane(tokens=100)
    with pytest.raises(ApplicationError):
        async with pace(entry(line), 100):
            raise failures.not_sent("default", "no connection")
    await line.wait(100, 0)


async def test_too_long_a_wait_is_told_at_once_unbilled_and_says_when_to_come_again() -> None:
    line, clock = lane(requests=1)
    line.hold(400)
    with pytest.raises(ApplicationError) as caught:
        async with pace(entry(line), 1):
            raise AssertionError("nothing is sent")
    error = caught.value
    assert (error.type, error.non_retryable, error.details) == ("ModelFailed", False, ({"billed": "no"},))
    assert error.next_retry_delay == timedelta(seconds=400)
    assert "rate is used up for 400 s, and nothing was sent" in error.message
    assert clock.now() == 0, "half of the attempt's 600 s are not enough, which is known before they are over"


async def test_retry_after_of_one_call_holds_all_who_ask_the_same_provider() -> None:
    line, clock = lane(requests=100)
    with pytest.raises(ApplicationError):
        async with pace(entry(line), 1):
            raise failures.status_failed("default", 429, "slow down", retry_after_s=30, key="k")
    passed: list[str] = []
    async with asyncio.TaskGroup() as group:
        for name in "ab":
            group.create_task(passing(name, line.wait(0, HOUR_S), passed))
        await clock.advance(29.9)
        assert passed == []
        await clock.advance(0.2)
    assert passed == ["a", "b"]


async def test_those_who_wait_already_wait_longer_when_the_provider_asks_for_it() -> None:
    line, clock = lane(requests=1)
    await line.wait(0, HOUR_S)
    passed: list[str] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(passing("a", line.wait(0, HOUR_S), passed))
        await clock.advance(59)
        line.hold(30)
        await clock.advance(29)
        assert passed == []
        await clock.advance(1.1)
    assert passed == ["a"]


@pytest.mark.parametrize(
    ("status", "retry_after_s", "held_s"),
    [(429, None, 1.0), (429, 7.0, 7.0), (503, 7.0, 7.0), (529, None, 0.0), (400, None, 0.0), (401, None, 0.0)],
)
async def test_a_provider_is_left_alone_for_as_long_as_it_says(
    status: int, retry_after_s: float | None, held_s: float
) -> None:
    line, _ = lane(requests=100)
    with pytest.raises(ApplicationError):
        async with pace(entry(line), 1):
            raise failures.status_failed("default", status, "no", retry_after_s=retry_after_s, key="k")
    assert line.held_until == held_s


async def test_a_lane_without_a_rate_lets_everybody_go_until_the_provider_has_had_too_much() -> None:
    line = Lane(clock=HandClock())
    for _ in range(1000):
        await line.wait(10**6, 0)
    line.hold(1)
    with pytest.raises(TooLong):
        await line.wait(1, 0.5)


async def test_an_alias_without_a_lane_just_goes() -> None:
    async with pace(entry(None), 10**9) as turn:
        turn.used(Tokens(1, 1))


def lasting(seconds: float) -> ActivityEnvironment:
    """An activity whose attempt may take so long."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, start_to_close_timeout=timedelta(seconds=seconds))
    return environment


async def waiting_in_vain(line: Lane, environment: ActivityEnvironment, why: ActivityCancellationDetails) -> None:
    """Cancel a call that waits for its turn, for a reason."""

    async def call() -> None:
        async with pace(entry(line), 1):
            raise AssertionError("nothing is sent")

    running = asyncio.create_task(environment.run(call))
    await settled()
    environment.cancel(cancellation_details=why)
    await running


async def test_a_worker_that_stops_says_of_a_call_that_waits_that_nothing_was_sent() -> None:
    line, _ = lane(requests=1)
    await line.wait(0, 0)
    with pytest.raises(ApplicationError) as caught:
        await waiting_in_vain(line, lasting(600), ActivityCancellationDetails(worker_shutdown=True))
    assert (caught.value.non_retryable, caught.value.details) == (False, ({"billed": "no"},))
    assert "the worker stopped before anything was sent" in caught.value.message


async def test_a_call_that_is_given_up_while_it_waits_just_ends() -> None:
    line, _ = lane(requests=1)
    await line.wait(0, 0)
    with pytest.raises(asyncio.CancelledError):
        await waiting_in_vain(line, lasting(600), ActivityCancellationDetails(cancel_requested=True))


async def test_half_of_the_attempts_own_time_is_for_waiting() -> None:
    line, _ = lane(requests=1)
    line.hold(6)

    async def call() -> None:
        async with pace(entry(line), 1):
            raise AssertionError("nothing is sent")

    with pytest.raises(ApplicationError, match="used up for 6 s"):
        await lasting(10).run(call)


async def test_a_real_429_holds_the_next_call_of_another_alias_with_the_same_key(tmp_path: Path) -> None:
    busy = Answer(status=429, error="rate_limit_error", message="slow down", headers={"retry-after-ms": "300"})
    async with AnthropicServer(busy, Answer(), key=KEY) as server:
        common = f"provider: anthropic, model: claude-haiku-4-5, base_url: '{server.url}', api_key: env:CANARY_KEY"
        (tmp_path / "models.yaml").write_text(
            f"models: {{default: {{{common}}}, other: {{{common}}}}}", encoding="utf-8"
        )
        catalogue = load_catalogue(tmp_path / "models.yaml", None, environ={"CANARY_KEY": KEY})
        with pytest.raises(ApplicationError) as caught:
            await attempt_call(catalogue, model_args())
        assert caught.value.next_retry_delay == timedelta(milliseconds=300)
        began = time.monotonic()
        await attempt_call(catalogue, model_args(alias="other"))
        assert time.monotonic() - began > 0.25
        assert len(server.requests) == 2
        await catalogue.close()


def test_what_a_call_may_use_is_estimated_from_all_that_is_said_and_the_longest_answer() -> None:
    ref = Ref(uri="blob:t/d", digest="d" * 64, size_bytes=9)
    said = (
        Message(role="user", content=(Part(text="x" * 400), Part(ref=ref))),
        Message(role="assistant", tool_calls=(ToolUse(id="1", name="t", args={"a": "b"}),)),
        Message(role="user", results=(ToolAnswer(id="1", content=(Part(text="y" * 40),)),)),
        Message(role="user", content=(Part(ref=ref, media="image/png"),)),
    )
    ask = Ask(
        args=model_args(max_tokens=1000),
        card=CARD,
        key="k",
        attempt=1,
        run="r",
        conversation=said,
        system="z" * 40,
        tools=(ToolOffer("t", "w" * 38, {}),),
        opened={ref.digest: b"v" * 80},
    )
    in_bytes = 400 + 80 + len("{'a': 'b'}") + 40 + 40 + 40 + 4 * 1600
    assert expected_tokens(ask) == -(-in_bytes // 4) + 1000


@given(
    amounts=st.lists(st.integers(0, 150), max_size=30),
    gaps=st.lists(st.floats(0, 100, allow_nan=False), min_size=30, max_size=30),
)
def test_a_bucket_never_gives_more_than_it_held_and_was_refilled_with(amounts: list[int], gaps: list[float]) -> None:
    bucket, now, given_out = Bucket(100, 60.0, 100, 0.0), 0.0, 0.0
    for amount, gap in zip(amounts, gaps, strict=False):
        now = bucket.ready_at(amount, now + gap)
        bucket.take(amount, now)
        given_out += min(amount, 100)
        assert given_out <= 100 + now * 100 / 60 + 1e-3


@given(tokens=st.lists(st.integers(1, 120), min_size=1, max_size=6))
async def test_whoever_comes_first_goes_first_and_everybody_goes(tokens: list[int]) -> None:
    line, clock = lane(requests=5, tokens=100)
    passed: list[str] = []
    async with asyncio.TaskGroup() as group:
        for number, amount in enumerate(tokens):
            group.create_task(passing(str(number), line.wait(amount, 1e9), passed))
        await clock.advance(500)
    assert passed == [str(number) for number in range(len(tokens))]
