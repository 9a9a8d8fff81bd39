"""What the host must do next: the only way the engine reaches anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.budget import Amount
    from policies.windows import Window
    from workflows.contracts.pause import AnswerReceipt, Refusal


@dataclass(slots=True)
class StartCall:
    """Start one activity, named after what it calls.

    `activity` is its type, `payload` a `Call` as JSON. `timeout_s` bounds one attempt, `total_s` (null: no
    bound) all of them together. A lost attempt of a `model` call is not repeated by the host, because it may
    have been billed. A `cancellable` call may be given up while it runs; any other runs to its end.
    """

    call: str
    activity: str
    activity_id: str
    payload: dict[str, object]
    timeout_s: float
    total_s: float | None
    max_attempts: int
    initial_s: float
    backoff: float
    max_interval_s: float
    cancellable: bool
    model: bool
    summary: str


@dataclass(frozen=True, slots=True)
class CancelCall:
    """Give up an activity in flight; its end still arrives as an event."""

    call: str


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Start a durable timer that is due at a time in UTC milliseconds."""

    timer: str
    due_ms: int
    summary: str


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget a timer."""

    timer: str


@dataclass(frozen=True, slots=True)
class TellAnswer:
    """What became of the answer that has just arrived."""

    outcome: AnswerReceipt | Refusal


@dataclass(frozen=True, slots=True)
class TakeLease:
    """Ask the tenant's ledger for a lease in place of the one that is held; the reply arrives as `LeaseArrived`.

    `want` is what would be right and `need` what is too little otherwise, `used` all that the run has used and
    `known` what it knows that the ledger has counted. `windows` are the tenant's budgets, as the run was admitted.
    """

    want: Amount
    need: Amount
    fence: int
    used: Amount
    known: Amount
    until_ms: int
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class SettleLease:
    """Tell the tenant's ledger what was used, and give the rest of the lease back; `LeaseSettled` follows."""

    used: Amount
    known: Amount
    fence: int
    final: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask a worker of the queue whether it has what a gap lacks; `Probed` follows. `number` tells probes apart."""

    gap: str
    kind: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class FinishRun:
    """The run is over: its result is the engine's view."""


Command = StartCall | CancelCall | StartTimer | CancelTimer | TellAnswer | TakeLease | SettleLease | Probe | FinishRun
