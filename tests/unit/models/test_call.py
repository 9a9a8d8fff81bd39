"""What every model call refuses before it asks anybody, and how one ends when its worker stops."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.models.call import call_model
from activities.models.catalogue import Catalogue, Entry
from activities.models.provider import Ask, Progress, Reply, Tokens
from tests.support.model_calls import Attempt, Heard, attempt_call, means_of, model_args, model_call
from workflows.contracts.run import ModelCard, PriceCard

CARD = ModelCard(
    alias="default",
    provider="slow",
    model="m",
    max_tokens=100,
    context=1000,
    price=PriceCard(),
    digest="d",
    timeout_s=0.1,
)


class Slow:
    """A provider that takes its time."""

    def __init__(self, text: str = "", wait_s: float = 0.0) -> None:
        self._text, self._wait_s = text, wait_s
        self.started = asyncio.Event()

    async def complete(self, ask: Ask, progress: Progress) -> Reply:
        progress(ask.key, 0)
        self.started.set()
        await asyncio.sleep(self._wait_s)
        return Reply(text=self._text, stop_reason="end_turn", tokens=Tokens(1, 1))

    async def close(self) -> None:
        pass


def catalogue_of(provider: Slow, **changes: object) -> Catalogue:
    return Catalogue({"default": Entry(CARD.model_copy(update=changes), provider)})


async def failure_of(catalogue: Catalogue, **fields: object) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await attempt_call(catalogue, model_args("Review this.", **{"model": "m", **fields}), Attempt("slow"))
    return caught.value


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"alias": "large"}, "this worker's catalogue does not have it; it has `default`"),
        ({"model": "other"}, "admitted with `other` at `slow`, but here it is `m` at `slow`"),
        ({"tools": ({"name": "fs.read"},)}, "given by name, in `toolset`"),
        ({"transcript": {"uri": "blob:t/x", "digest": "x", "size_bytes": 1}}, "only an agent has a transcript"),
        ({"toolset": ("fs.read@000000000000",)}, "only an agent has a transcript and tools"),
        ({"compact": {"how": "summary", "keep": 1}}, "only an agent has a transcript"),
    ],
)
async def test_call_that_cannot_be_made_asks_nobody(fields: Mapping[str, object], words: str) -> None:
    provider = Slow()
    error = await failure_of(catalogue_of(provider), **fields)
    assert (error.type, error.non_retryable, error.details[0]["billed"]) == ("ModelFailed", True, "no")
    assert words in error.message
    assert not provider.started.is_set()


async def test_malformed_call_names_its_fields() -> None:
    call = model_call(model_args(model="m")).model_copy(update={"args": {"alias": "default", "messages": 3}})
    with pytest.raises(ApplicationError, match=r"malformed call: .*messages"):
        await call_model(means_of(catalogue_of(Slow())), "slow", call, Heard())


async def test_answer_that_comes_too_late_may_be_billed() -> None:
    error = await failure_of(catalogue_of(Slow(wait_s=5)))
    assert (error.type, error.non_retryable) == ("MaybeBilled", True)
    assert "within 0.1 s" in error.message


async def test_answer_with_half_a_character_fails_once() -> None:
    error = await failure_of(catalogue_of(Slow("\ud800")))
    assert (error.type, error.details[0]["billed"]) == ("ModelFailed", "yes")


@pytest.mark.parametrize(("stops", "expected"), [(True, ApplicationError), (False, asyncio.CancelledError)])
async def test_worker_that_stops_leaves_no_second_call_behind(*, stops: bool, expected: type[BaseException]) -> None:
    provider = Slow(wait_s=5)
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=1)
    call = model_call(model_args(model="m"))
    catalogue = catalogue_of(provider, timeout_s=60.0)
    running = asyncio.ensure_future(environment.run(call_model, means_of(catalogue), "slow", call, Heard()))
    await provider.started.wait()
    cause = ActivityCancellationDetails(worker_shutdown=stops, cancel_requested=not stops)
    environment._cancellation_details.details = cause
    running.cancel()
    with pytest.raises(expected) as caught:
        await running
    if stops:
        assert getattr(caught.value, "type", None) == "MaybeBilled"
