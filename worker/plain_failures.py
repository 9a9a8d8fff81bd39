"""Failures as histories keep them: with their words, without the places of this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from temporalio.converter import DefaultFailureConverter
from temporalio.exceptions import ApplicationError, FailureError

from policies.plain_text import plain

if TYPE_CHECKING:
    from temporalio.api.failure.v1 import Failure
    from temporalio.converter import PayloadConverter

PLACE = re.compile(r'File "[^"]*?([^"/]+/[^"/]+)"')


class PlainFailureConverter(DefaultFailureConverter):
    """Leaves the stack out of errors that were expected, and shortens its paths in those that were not.

    Messages are shown by the Temporal UI as they stand, so nothing in them is obeyed by a screen or hidden on it.

    Histories are read by more people than may know where a worker is installed, and a stack of 50 lines
    in each failed attempt is the largest part of one. The worker's own log has the whole of it.
    """

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """As the default does, then plain."""
        try:
            super().to_failure(exception, payload_converter, failure)
        except ValueError:  # half a character, which neither a failure nor its details can hold
            failure.Clear()
            super().to_failure(_spelled(exception), payload_converter, failure)
        if isinstance(exception, FailureError):
            failure.stack_trace = ""
        part = failure
        _make_plain(part)
        while part.HasField("cause"):
            part = part.cause
            _make_plain(part)


def _spelled(exception: BaseException) -> ApplicationError:
    """The same in words that can be written, without details and without what led to it."""
    kind = exception.type if isinstance(exception, ApplicationError) else None
    final = isinstance(exception, ApplicationError) and exception.non_retryable
    words = exception.message if isinstance(exception, FailureError) else str(exception)
    return ApplicationError(plain(words, "\n"), type=kind or type(exception).__name__, non_retryable=final)


def _make_plain(part: Failure) -> None:
    part.stack_trace = PLACE.sub(r'File "\1"', plain(part.stack_trace, "\n"))
    part.message = plain(part.message, "\n")
