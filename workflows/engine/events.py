"""What has happened: the only way anything reaches the engine. Every event carries its time in UTC milliseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from policies.budget import Amount
    from workflows.contracts.calls import Usage
    from workflows.contracts.conversation import Content
    from workflows.contracts.pause import Answer


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run was admitted; `sent` and `card` are the digests of its input and its card as they were recorded.

    `run_id` is that of the history's first event, which a reset does not change.
    """

    at_ms: int
    sent: str | None = None
    card: str | None = None
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class CallSucceeded:
    """An activity gave a result; `labels` say where it comes from (`external`, `secret`, …)."""

    at_ms: int
    call: str
    output: object
    usage: Usage | None = None
    labels: tuple[str, ...] = ()
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class CallFailed:
    """An activity failed for good: its retries are spent, or the failure is not retryable.

    `billed` says whether a model's provider charges for it all the same; with `yes`, `usage` is how much. `card` is
    the worker's own of a tool that is another than the run's, `lacks` the name of a tool that it does not have.
    `request`: what a model was asked is at fault, and not who was asked.
    """

    at_ms: int
    call: str
    type: str
    message: str
    attempts: int | None = None
    billed: Literal["no", "yes", "maybe"] = "maybe"
    usage: Usage | None = None
    card: dict[str, object] | None = None
    lacks: str | None = None
    request: bool = False


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
    """An operator paused the run: no new call starts. `signature` is the one that they gave, good for this once."""

    at_ms: int
    by: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class HoldLifted:
    """An operator resumed the run; `signature` as above."""

    at_ms: int
    by: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Somebody cancelled the run; `signature` as above."""

    at_ms: int
    by: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class ControlRefused:
    """Somebody sent a control who may not, or did not prove that they may, or one that is about nothing there is."""

    at_ms: int
    control: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class DrainRequested:
    """The history is long: no new call starts until the run has been carried over."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class LeaseArrived:
    """The tenant's ledger answered: what the run may use until when, or why it may not.

    `granted` is what the run may use beyond what it told the ledger of; `expires_ms` is 0 where there is no new lease,
    and then the one before stands. `limit` and `used` are the tenant's own as the ledger knows them, null where it
    said nothing. What is refused may be had later if `again`; a lease and a refusal together are all that is left.
    """

    at_ms: int
    granted: Amount
    expires_ms: int
    fence: int
    limit: dict[str, int] | None = None
    used: Amount | None = None
    refused: str | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class LeaseSettled:
    """The tenant's ledger has taken back a lease, or could not be reached."""

    at_ms: int
    fence: int
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Repinned:
    """A signed `repin` was accepted and the worker's present policy read: the run goes on under it.

    `approvals` are the tenant's standing approvals as they are under that policy, each a `Permit` as JSON.
    """

    at_ms: int
    by: str
    policy: dict[str, object]
    policy_digest: str
    approvals: list[dict[str, object]] = field(default_factory=list)
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Steered:
    """Somebody who may tells an agent something: `agent` names its node or activation, null for the only one.

    `interrupt`: what it wanted and has not begun is not done any more.
    """

    at_ms: int
    by: str
    text: str
    agent: str | None = None
    interrupt: bool = False
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class CallGivenUp:
    """Somebody who may gives up a call in flight; its end still arrives."""

    at_ms: int
    by: str
    call: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Probed:
    """The worker looked for what a gap lacks: `card` is what it found, as JSON, `failed` why it found nothing."""

    at_ms: int
    gap: str
    card: dict[str, object] | None = None
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class CarryResumed:
    """The run goes on: in the history `run_id`, whose input has the digest `sent`; without one, in the old one."""

    at_ms: int
    sent: str | None = None
    run_id: str = ""


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
    | ControlRefused
    | DrainRequested
    | CarryResumed
    | LeaseArrived
    | LeaseSettled
    | Repinned
    | Steered
    | CallGivenUp
    | Probed
)
