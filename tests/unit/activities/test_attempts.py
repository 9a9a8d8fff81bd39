"""A failure says at which attempt it happened, and loses nothing by that."""

from __future__ import annotations

from datetime import timedelta

from activities.failures import failure, tool_failed, with_attempt
from workflows.contracts.calls import Bill
from workflows.contracts.failures import FailureType


def test_the_attempt_joins_what_the_failure_says_already() -> None:
    error = failure(FailureType.MODEL_FAILED, "no", details={"billed": "no"}, retryable=True, retry_after_s=2)
    told = with_attempt(error, 3)
    assert told.details == ({"billed": "no", "attempt": 3},)
    assert (told.message, told.type, told.non_retryable) == ("no", "ModelFailed", False)
    assert (told.next_retry_delay, told.category) == (timedelta(seconds=2), error.category)
    assert Bill.model_validate(told.details[0]).attempt == 3


def test_a_failure_without_details_has_the_attempt() -> None:
    assert with_attempt(tool_failed("no"), 1).details == ({"attempt": 1},)
