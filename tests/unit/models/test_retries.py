"""Which attempts of a model call are made: each once, and a repetition only where the one before was not billed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from temporalio.exceptions import ApplicationError

from activities.blobs import DirectoryBlobs
from activities.models.retries import begin, require_vouched, vouch
from workflows.contracts.calls import Call, DecisionRecord

if TYPE_CHECKING:
    from pathlib import Path

CALL = Call(
    name="default",
    args={},
    activation="ask#1",
    index=1,
    node="ask",
    key="k" * 64,
    decision=DecisionRecord(verdict="allow", policy="p", digest="d"),
)


@pytest.fixture
def blobs(tmp_path: Path) -> DirectoryBlobs:
    return DirectoryBlobs(tmp_path / "blobs")


async def test_an_attempt_is_made_once_in_an_execution(blobs: DirectoryBlobs) -> None:
    await begin(blobs, CALL, "run-1", 1)
    with pytest.raises(ApplicationError) as caught:
        await begin(blobs, CALL, "run-1", 1)
    assert caught.value.type == "MaybeBilled"
    assert caught.value.non_retryable
    assert "made before" in caught.value.message


async def test_other_attempts_generations_and_executions_are_their_own(blobs: DirectoryBlobs) -> None:
    await begin(blobs, CALL, "run-1", 1)
    await begin(blobs, CALL, "run-1", 2)
    await begin(blobs, CALL, "run-2", 1)
    await begin(blobs, CALL.model_copy(update={"generation": 1}), "run-1", 1)


async def test_what_cannot_be_taken_is_not_made_and_not_billed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(ApplicationError) as caught:
        await begin(DirectoryBlobs(tmp_path / "file"), CALL, "run-1", 1)
    assert caught.value.details[0] == {"billed": "no"}


async def test_a_repetition_needs_the_word_of_the_attempt_before(blobs: DirectoryBlobs) -> None:
    await require_vouched(blobs, CALL, 1)
    with pytest.raises(ApplicationError) as caught:
        await require_vouched(blobs, CALL, 2)
    assert caught.value.type == "MaybeBilled"
    await vouch(blobs, CALL, 2)
    await require_vouched(blobs, CALL, 3)
