"""Payloads that cannot be read end what they were sent to, with words, and never leave it stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.exceptions import ApplicationError

from workflows.contracts.failures import FailureType
from workflows.contracts.twins import refuse_twins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from temporalio.api.common.v1 import Payload

MAX_ANSWER_BYTES = 2 * 1024 * 1024
_MARKS = (b'"outcome"', b'"signature"', b"\\u")


class ReadablePayloadConverter(PydanticPayloadConverter):
    """Pydantic JSON whose reading errors are failures.

    Any other error of a converter fails the workflow *task*, which Temporal repeats for ever: a run started
    with text that is not JSON would never end. As a failure it ends the run, refuses the update, drops the signal.
    """

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        """As the default does; `ApplicationError` of type `InvalidValue` for what cannot be read."""
        try:
            for payload in payloads:
                if _may_be_answer(payload.data):
                    refuse_twins(payload.data)
            return super().from_payloads(payloads, type_hints)
        except (KeyError, ValueError, TypeError, RuntimeError) as error:  # what converters and pydantic raise
            reason = _reason(error)
        message = f"a value that was sent cannot be read: {reason}; send JSON"
        raise ApplicationError(message, type=FailureType.INVALID_VALUE, non_retryable=True)


def _may_be_answer(data: bytes) -> bool:
    """Whether people may have said this, in whatever spelling: no such thing is read in two ways."""
    return len(data) <= MAX_ANSWER_BYTES and any(mark in data for mark in _MARKS)


def _reason(error: Exception) -> str:
    """Pydantic's own words without the value; the converter's where the encoding is unknown."""
    if isinstance(error, ValidationError):
        return error.errors(include_url=False, include_input=False)[0]["msg"].lower()
    return str(error.args[0] if error.args else error).lower()
