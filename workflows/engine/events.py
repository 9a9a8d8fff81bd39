"""What has happened: the only way anything reaches the engine. Every event carries its time in UTC milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from workflows.contracts.calls import Usage
    from workflows.contracts.pause import Answer


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run was admitted."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class CallSucceeded:
    """An activity gave a result."""

    at_ms: int
    call: str
    output: object
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class CallFailed:
    """An activity failed for good: its retries are spent, or the failure is not retryable.

    `billed` says whether a model's provider charges for it all the same; with `yes`, `usage` is how much.
    """

    at_ms: int
    call: str
    type: str
    message: str
    attempts: int | None = None
    billed: Literal["no", "yes", "maybe"] = "maybe"
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class CallCancelled:
    """An activity that the engine asked to cancel has ended."""

    at_ms: int
    call: str


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer that the engine started is due."""

    at_ms: int
    timer: str


@dataclass(frozen=True, slots=True)
class AnswerArrived:
    """A person answered a pause. The engine replies with `TellAnswer`, whatever it thinks of it."""

    at_ms: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class HoldRequested:
    """An operator paused the run: no new call starts."""

    at_ms: int
    by: str


@dataclass(frozen=True, slots=True)
class HoldLifted:
    """An operator resumed the run."""

    at_ms: int
    by: str


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Somebody cancelled the run."""

    at_ms: int
    by: str


@dataclass(frozen=True, slots=True)
class DrainRequested:
    """The history is long: no new call starts until the run has been carried over."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class CarryResumed:
    """The run was carried into a new history and goes on."""

    at_ms: int


Event = (
    RunStarted
    | CallSucceeded
    | CallFailed
    | CallCancelled
    | TimerFired
    | AnswerArrived
    | HoldRequested
    | HoldLifted
    | CancelRequested
    | DrainRequested
    | CarryResumed
)
