"""Temporal options of our activities, in one place because each has a measured reason."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

if TYPE_CHECKING:
    from workflows.engine.commands import StartCall

HEARTBEAT = timedelta(seconds=2)
"""How soon the loss of a worker in the middle of a call is noticed; workers beat every half second."""
PATIENT_HEARTBEAT = timedelta(seconds=5)
"""The same for a call with one attempt, whose loss is a question to a person."""
ADMIT_TIMEOUT = timedelta(seconds=30)
LEASE_TIMEOUT = timedelta(seconds=8)
"""How long a run asks the tenant's ledger; then it waits, and asks again."""
SETTLE_TIMEOUT = timedelta(seconds=4)
"""How much longer a run may last because its tenant's ledger does not answer."""
ONCE = RetryPolicy(maximum_attempts=1)
PROBE_TIMEOUT = timedelta(seconds=10)
PROBE_TOTAL = timedelta(seconds=30)
"""How long a run waits for a worker to look for what it lacks; then the question stands as it did."""
PROBE_RETRY = RetryPolicy(maximum_attempts=3, initial_interval=timedelta(milliseconds=200))
DRAIN_S = 60.0
"""A call that outlasts this postpones the carry-over (architecture.md, "Long lives")."""
DRAIN_FOR_CERTAIN = 20_000
DRAIN_AGAIN_EVENTS = 500

LOST_ATTEMPT = ["TemporalTimeout:StartToClose", "TemporalTimeout:Heartbeat"]
"""The server's names for an attempt without an answer. A model may have billed for one, so Temporal does not
repeat it: the engine settles it and asks the gate for a new call."""


def retry_policy(command: StartCall) -> RetryPolicy:
    """The retry policy of a call, as the engine decided it."""
    return RetryPolicy(
        initial_interval=timedelta(seconds=command.initial_s),
        backoff_coefficient=command.backoff,
        maximum_interval=timedelta(seconds=command.max_interval_s),
        maximum_attempts=command.max_attempts,
        non_retryable_error_types=LOST_ATTEMPT if command.model else [],
    )


def heartbeat_timeout(command: StartCall) -> timedelta:
    """How long a call may go without a heartbeat before its worker counts as lost (ADR 0010)."""
    return PATIENT_HEARTBEAT if command.max_attempts == 1 else HEARTBEAT


def cancellation_type(command: StartCall) -> ActivityCancellationType:
    """Give up at once where nothing is left behind; anything else is never cancelled by us."""
    return ActivityCancellationType.TRY_CANCEL if command.cancellable else ActivityCancellationType.ABANDON
