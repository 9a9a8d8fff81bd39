"""What people send to a run, parsed: answers and controls."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError
from temporalio.exceptions import ApplicationError

from workflows.contracts.failures import FailureType
from workflows.contracts.pause import Answer, CallControl, Control, Steer
from workflows.shell.admission import first_fault

if TYPE_CHECKING:
    from workflows.contracts.pause import Refusal

C = TypeVar("C", bound=Control)


def one_of(sent: tuple[object, ...]) -> object:
    """The one argument that was meant: null for none, and all of them, which nothing takes, for several."""
    return sent[0] if len(sent) == 1 else list(sent) or None


def answer_of(sent: tuple[object, ...]) -> Answer:
    """The answer that was sent; `InvalidAnswer` for what is none."""
    try:
        return Answer.model_validate(one_of(sent))
    except ValidationError as error:
        raise invalid(f"the answer does not parse: {first_fault(error)}") from None


def control_of(sent: tuple[object, ...]) -> Control:
    """The control of the whole run that was sent; `InvalidAnswer` for what is none."""
    return _control(sent, Control)


def steer_of(sent: tuple[object, ...]) -> Steer:
    """What is to be told to an agent; `InvalidAnswer` for what is nothing of the kind."""
    return _control(sent, Steer)


def call_control_of(sent: tuple[object, ...]) -> CallControl:
    """The call that is to be given up; `InvalidAnswer` for what names none."""
    return _control(sent, CallControl)


def _control(sent: tuple[object, ...], kind: type[C]) -> C:
    try:
        return kind.model_validate(one_of(sent) or {})
    except ValidationError as error:
        raise invalid(f"the argument does not parse: {first_fault(error)}") from None


def invalid(reason: str) -> ApplicationError:
    """What somebody sent is malformed."""
    return ApplicationError(reason, type="InvalidAnswer", non_retryable=True)


def refused(reason: str, refusal: Refusal | None = None) -> ApplicationError:
    """What somebody sent is well-formed, and changes nothing; the refusal as it was recorded is the detail."""
    details = [] if refusal is None else [refusal.model_dump(mode="json")]
    return ApplicationError(reason, *details, type=FailureType.ANSWER_REFUSED, non_retryable=True)
