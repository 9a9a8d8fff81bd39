"""What is sent to a run is read in one way, or refused."""

from __future__ import annotations

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.exceptions import ApplicationError

from worker.readable_payloads import ReadablePayloadConverter

TWICE = b'{"pause":"p1","outcome":"deny","outcome":"approve"}'


def payload(data: bytes) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=data)


@pytest.mark.parametrize("data", [TWICE, TWICE.replace(b"outcome", b"signature"), TWICE.replace(b"o", b"\\u006f")])
def test_an_answer_that_says_two_things_says_nothing(data: bytes) -> None:
    assert PydanticPayloadConverter().from_payloads([payload(data)])[0]["pause"] == "p1"  # the first would be lost
    with pytest.raises(ApplicationError, match="stands twice") as caught:
        ReadablePayloadConverter().from_payloads([payload(data)])
    assert (caught.value.type, caught.value.non_retryable) == ("InvalidValue", True)


def test_an_answer_that_says_one_thing_is_read() -> None:
    assert ReadablePayloadConverter().from_payloads([payload(b'{"outcome":"approve"}')]) == [{"outcome": "approve"}]
