"""Failures as histories keep them, and as the Temporal UI shows them."""

from __future__ import annotations

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DefaultFailureConverter
from temporalio.exceptions import ApplicationError

from worker.plain_failures import PlainFailureConverter

HOSTILE = "\x1b[2Jcut\x07 \u202eevil\u2066\n and ![x](http://evil.example)"


def told(converter: DefaultFailureConverter, text: str) -> list[str]:
    """The messages of a failure and of what led to it."""
    failure = Failure()
    error = ApplicationError(text, type="ToolFailed")
    error.__cause__ = ValueError(text)
    converter.to_failure(error, pydantic_data_converter.payload_converter, failure)
    return [failure.message, failure.cause.message]


def test_nothing_in_a_message_is_obeyed_by_a_screen() -> None:
    shown = "\\x1b[2Jcut\\x07 \\u202eevil\\u2066\n and ![x](http://evil.example)"
    assert told(PlainFailureConverter(), HOSTILE) == [shown, shown]


def test_the_attack_works_without_it() -> None:
    assert told(DefaultFailureConverter(), HOSTILE) == [HOSTILE, HOSTILE]


def test_a_failure_with_half_a_character_can_be_told_at_all() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        told(DefaultFailureConverter(), "\ud83d")
    assert told(PlainFailureConverter(), "\ud83d")[0] == "\\ud83d"


@pytest.mark.parametrize(
    "error", [KeyError("\ud83d"), ApplicationError("x", {"k": "\ud83d"}, type="T", non_retryable=True)]
)
def test_what_cannot_be_written_is_spelled(error: Exception) -> None:
    failure = Failure()
    PlainFailureConverter().to_failure(error, pydantic_data_converter.payload_converter, failure)
    info = failure.application_failure_info
    assert (info.type, info.non_retryable) == (
        ("T", True) if isinstance(error, ApplicationError) else ("KeyError", False)
    )
