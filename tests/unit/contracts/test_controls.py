"""Controls on the wire: what is taken, and what is too long or says nothing."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workflows.contracts.pause import MAX_STEER_BYTES, CallControl, Control, Steer


@pytest.mark.parametrize("text", ["x", "x" * MAX_STEER_BYTES, "é" * (MAX_STEER_BYTES // 2)])
def test_what_is_told_may_be_so_long(text: str) -> None:
    assert Steer(text=text).text == text


@pytest.mark.parametrize("text", ["", " \n", "x" * (MAX_STEER_BYTES + 1), "é" * (MAX_STEER_BYTES // 2 + 1), "\ud800"])
def test_what_is_told_is_text_and_not_too_long(text: str) -> None:
    with pytest.raises(ValidationError):
        Steer(text=text)


@pytest.mark.parametrize("value", ["yes", 1, "true"])
def test_an_interruption_is_said_plainly(value: object) -> None:
    with pytest.raises(ValidationError):
        Steer.model_validate({"text": "x", "interrupt": value})


def test_a_control_of_the_run_is_about_nothing_in_it() -> None:
    for more in ({"text": "x"}, {"call": "a#1:1"}):
        with pytest.raises(ValidationError):
            Control.model_validate(more)
    with pytest.raises(ValidationError):
        CallControl.model_validate({})
