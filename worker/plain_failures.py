"""Failures as histories keep them: with their words, without the places of this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from temporalio.converter import DefaultFailureConverter
from temporalio.exceptions import FailureError

if TYPE_CHECKING:
    from temporalio.api.failure.v1 import Failure
    from temporalio.converter import PayloadConverter

PLACE = re.compile(r'File "[^"]*?([^"/]+/[^"/]+)"')


class PlainFailureConverter(DefaultFailureConverter):
    """Leaves the stack out of errors that were expected, and shortens its paths in those that were not.

    Histories are read by more people than may know where a worker is installed, and a stack of 50 lines
    in each failed attempt is the largest part of one. The worker's own log has the whole of it.
    """

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """As the default does, then plain."""
        super().to_failure(exception, payload_converter, failure)
        if isinstance(exception, FailureError):
            failure.stack_trace = ""
        part = failure
        part.stack_trace = PLACE.sub(r'File "\1"', part.stack_trace)
        while part.HasField("cause"):
            part = part.cause
            part.stack_trace = PLACE.sub(r'File "\1"', part.stack_trace)
