"""What a call costs is never silently nothing, and no retry of Temporal's spends what nobody decided."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.blobs import DirectoryBlobs
from activities.dispatch import Dispatch, Reach
from activities.models import failures
from activities.models.aliases import Catalogue, Entry
from activities.models.provider import Ask, Progress, Reply, Tokens
from activities.ports import BlobError
from tests.support.anthropic_server import Answer, AnthropicServer
from tests.support.calls import attempt_with, call, reach
from tests.support.model_calls import attempt_call, model_args
from workflows.contracts.calls import Bill
from workflows.contracts.failures import FailureType
from workflows.contracts.run import ModelCard, PriceCard

At = Callable[..., Catalogue]
CARD = ModelCard(
    alias="default",
    provider="fake",
    model="fake-1",
    max_tokens=100,
    context=1000,
    price=PriceCard(input=3000, output=15000, cache_read=3000, cache_write=6000),
    digest="d" * 64,
    timeout_s=5,
)
ARGS = {
    "alias": "default",
    "model": "fake-1",
    "messages": [{"role": "user", "content": [{"text": "hi"}]}],
    "max_tokens": 100,
}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(usage=None),
        Answer(summed=False),
        Answer(usage={"input_tokens": 0, "output_tokens": 15}),
        Answer(usage={"input_tokens": 0, "output_tokens": 0}),
        Answer(usage={"input_tokens": -5, "output_tokens": 15}),
        Answer(cut="close"),
        Answer(cut="end"),
        Answer(cut="end", parts=()),
        Answer(cut="error"),
        Answer(cut="garbage"),
    ],
    ids=lambda answer: f"{answer.usage} {answer.summed} {answer.cut}",
)
async def test_an_answer_that_does_not_say_its_cost_may_have_been_billed(catalogue_at: At, answer: Answer) -> None:
    async with AnthropicServer(answer) as server:
        with pytest.raises(ApplicationError) as caught:
            await attempt_call(catalogue_at(server.url), model_args())
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.MAYBE_BILLED, True)
    assert Bill.model_validate(caught.value.details[0]).billed == "maybe"


async def test_what_only_the_cache_was_asked_for_has_its_price(catalogue_at: At) -> None:
    usage = {"input_tokens": 0, "output_tokens": 15, "cache_read_input_tokens": 9}
    async with AnthropicServer(Answer(usage=usage)) as server:
        result = await attempt_call(catalogue_at(server.url), model_args())
    assert result.usage is not None
    assert result.usage.cost_nano > 0


class Counting:
    """A provider that counts what it served, and then does as it is told."""

    def __init__(self, then: Callable[[], Reply]) -> None:
        self.served, self._then = 0, then

    async def complete(self, ask: Ask, progress: Progress) -> Reply:
        del ask, progress
        self.served += 1
        return self._then()

    async def close(self) -> None:
        pass


def _raising(error: Exception) -> Callable[[], Reply]:
    def answer() -> Reply:
        raise error

    return answer


def _place(root: Path, provider: Counting, blobs: DirectoryBlobs | None = None) -> Reach:
    parts = reach(root, catalogue=Catalogue({"default": Entry(CARD, provider, None, ())}))
    return dataclasses.replace(parts, blobs=blobs or parts.blobs)


async def _tries(parts: Reach, attempts: int) -> ApplicationError | None:
    """What Temporal does: again and again, until it is told not to. Each attempt is made by another worker."""
    argument = call("default", ARGS, CARD.digest, kind="model")
    for number in range(1, attempts + 1):
        try:
            await attempt_with(Dispatch(parts), argument, attempt=number, activity_type="model.fake")
        except ApplicationError as error:
            if error.non_retryable:
                return error
    return None


@pytest.mark.parametrize(
    "error", [RuntimeError("a mistake"), OSError(28, "no space left on device"), KeyError("usage"), MemoryError()]
)
async def test_a_mistake_while_a_provider_answers_is_never_repeated(tmp_path: Path, error: Exception) -> None:
    provider = Counting(_raising(error))
    found = await _tries(_place(tmp_path, provider), 3)
    assert found is not None
    assert (found.type, provider.served) == (FailureType.MAYBE_BILLED, 1)


async def test_an_attempt_that_was_lost_after_its_answer_is_never_repeated(tmp_path: Path) -> None:
    """Its result could not be kept, say: Temporal calls that a failure of the activity, and tries again."""
    provider = Counting(lambda: Reply("hi", "end_turn", Tokens(10, 20)))
    parts = _place(tmp_path, provider)
    argument = call("default", ARGS, CARD.digest, kind="model")
    await attempt_with(Dispatch(parts), argument, attempt=1, activity_type="model.fake")
    for number in (2, 3):
        with pytest.raises(ApplicationError, match="without saying whether it was billed") as caught:
            await attempt_with(Dispatch(parts), argument, attempt=number, activity_type="model.fake")
        assert (caught.value.type, caught.value.non_retryable) == (FailureType.MAYBE_BILLED, True)
    assert provider.served == 1


@pytest.mark.parametrize("status", sorted(failures.RETRYABLE))
async def test_what_was_certainly_not_billed_is_repeated_by_any_worker(tmp_path: Path, status: int) -> None:
    answers: list[Callable[[], Reply]] = [
        _raising(failures.status_failed("default", status, "busy", retry_after_s=None, key="k")),
        _raising(failures.not_sent("default", "no connection")),
        lambda: Reply("hi", "end_turn", Tokens(10, 20)),
    ]

    def answer() -> Reply:
        return answers.pop(0)()

    provider = Counting(answer)
    assert await _tries(_place(tmp_path, provider), 3) is None
    assert provider.served == 3


class FullBlobs(DirectoryBlobs):
    """A blob store whose disk is full after so many claims."""

    room = 0

    async def claim(self, key: str, owner: str) -> bool:
        self.room -= 1
        if self.room < 0:
            raise BlobError(f"no space for {key} of {owner}")
        return await super().claim(key, owner)


@pytest.mark.parametrize("room", [1, 2])
async def test_without_a_word_kept_nothing_is_repeated(tmp_path: Path, room: int) -> None:
    """One attempt takes two claims: that it begins, and that it was not billed. The next asks for the word first."""
    provider = Counting(_raising(failures.not_sent("default", "no connection")))
    blobs = FullBlobs(tmp_path / "blobs")
    blobs.room = room
    found = await _tries(_place(tmp_path, provider, blobs), 3)
    assert found is not None
    assert (found.type, provider.served) == (FailureType.MAYBE_BILLED, 1)


async def test_a_call_that_cannot_be_told_from_a_repetition_is_not_made(tmp_path: Path) -> None:
    provider = Counting(lambda: Reply("hi", "end_turn", Tokens(10, 20)))
    found = await _tries(_place(tmp_path, provider, FullBlobs(tmp_path / "blobs")), 3)
    assert found is not None
    assert (found.type, provider.served) == (FailureType.MODEL_FAILED, 0)
