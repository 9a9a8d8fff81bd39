"""The only place that schedules activities and timers, and that turns their outcomes into events."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError
from temporalio.exceptions import TimeoutError as TemporalTimeoutError

from workflows.contracts.calls import Bill, CallResult
from workflows.contracts.failures import FailureType
from workflows.contracts.names import ADMIT, LEASE, PROBE, SETTLE
from workflows.engine.commands import Probe, SettleLease, TakeLease
from workflows.engine.events import CallCancelled, CallFailed, CallSucceeded, Event, TimerFired
from workflows.engine.summaries import short
from workflows.shell import leases, options, probes

if TYPE_CHECKING:
    from collections.abc import Callable

    from workflows.engine.commands import StartCall, StartTimer


def now_ms() -> int:
    """The workflow's time in UTC milliseconds."""
    return workflow.time_ns() // 1_000_000


async def admit(request: dict[str, object]) -> object:
    """The first command of every history: what the worker knows, recorded once. It takes an `AdmitRequest`."""
    return await workflow.execute_local_activity(
        ADMIT,
        request,
        start_to_close_timeout=options.ADMIT_TIMEOUT,
        activity_id=ADMIT,
    )


AT_THE_EDGE = (
    FailureType.POLICY_DENIED,
    FailureType.POLICY_DRIFT,
    FailureType.TOOL_CHANGED,
    FailureType.GAP,
)
"""Failures of calls that were never made."""


class Performer:
    """Carries out commands; whatever comes back is given to `post` as an event.

    `at_ms` is the time of the event that the commands follow from. A local activity that ends around the end of a
    workflow task is told of at another time when it is replayed (ADR 0015), so nothing asks the clock after one.
    """

    def __init__(self, post: Callable[[Event], None]) -> None:
        self.at_ms = 0
        self._post = post
        self._calls: dict[str, asyncio.Task[object]] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}

    def start_call(self, command: StartCall) -> None:
        """Schedule one activity, named after what it calls."""
        total = None if command.total_s is None else timedelta(seconds=command.total_s)
        task: asyncio.Task[object] = workflow.start_activity(
            command.activity,
            command.payload,
            activity_id=command.activity_id,
            start_to_close_timeout=timedelta(seconds=command.timeout_s),
            schedule_to_close_timeout=total,
            heartbeat_timeout=options.heartbeat_timeout(command),
            retry_policy=options.retry_policy(command),
            cancellation_type=options.cancellation_type(command),
            summary=command.summary,
        )
        self._calls[command.call] = task
        task.add_done_callback(lambda done: self._call_done(command.call, done))

    def cancel_call(self, call: str) -> None:
        """Ask an activity to stop; one whose outcome waits in the inbox has ended already."""
        task = self._calls.get(call)
        if task is not None:
            task.cancel()

    def start_timer(self, command: StartTimer) -> None:
        """Start a durable timer; one that is already due fires at once and costs no event."""
        left_s = (command.due_ms - self.at_ms) / 1000
        if left_s <= 0:
            self._post(TimerFired(self.at_ms, command.timer))
            return
        task = asyncio.create_task(workflow.sleep(left_s, summary=command.summary))
        self._timers[command.timer] = task
        task.add_done_callback(lambda done: self._timer_done(command.timer, done))

    def cancel_timer(self, timer: str) -> None:
        """Forget a timer; one that has fired is gone already."""
        task = self._timers.pop(timer, None)
        if task is not None:
            task.cancel()

    def ask(self, command: TakeLease | SettleLease | Probe) -> None:
        """Talk to the tenant's ledger, or to a worker of the queue."""
        match command:
            case TakeLease():
                self.take_lease(command)
            case SettleLease():
                self.settle_lease(command)
            case Probe():
                self.probe(command)
            case _:
                assert_never(command)

    def take_lease(self, command: TakeLease) -> None:
        """Ask the tenant's ledger for a lease, through the worker, which costs one event."""
        task: asyncio.Task[object] = workflow.start_local_activity(
            LEASE,
            leases.asking(command),
            activity_id=f"{LEASE}#{command.fence}",
            start_to_close_timeout=options.LEASE_TIMEOUT,
            retry_policy=options.ONCE,
        )
        at_ms = self.at_ms
        task.add_done_callback(lambda done: self._post(leases.arrived(command, done, at_ms)))

    def settle_lease(self, command: SettleLease) -> None:
        """Give a lease back; a ledger that does not answer soon finds out by itself."""
        task: asyncio.Task[object] = workflow.start_local_activity(
            SETTLE,
            leases.giving_back(command),
            activity_id=f"{SETTLE}#{command.fence}",
            start_to_close_timeout=options.SETTLE_TIMEOUT,
            retry_policy=options.ONCE,
        )
        at_ms = self.at_ms
        task.add_done_callback(lambda done: self._post(leases.settled(command, done, at_ms)))

    def probe(self, command: Probe) -> None:
        """Ask a worker of the queue for what a gap lacks."""
        task: asyncio.Task[object] = workflow.start_activity(
            PROBE,
            probes.asking(command, workflow.info().workflow_id),
            activity_id=f"{PROBE}#{command.number}",
            start_to_close_timeout=options.PROBE_TIMEOUT,
            schedule_to_close_timeout=options.PROBE_TOTAL,
            retry_policy=options.PROBE_RETRY,
            summary=short(f"{command.kind} {command.name}"),
        )
        task.add_done_callback(lambda done: self._post(probes.told(command, done, now_ms())))

    def _timer_done(self, timer: str, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._timers.pop(timer, None)
            self._post(TimerFired(now_ms(), timer))

    def _call_done(self, call: str, task: asyncio.Task[object]) -> None:
        del self._calls[call]
        self._post(_outcome(call, task))


def _outcome(call: str, task: asyncio.Task[object]) -> Event:
    if task.cancelled():
        return CallCancelled(now_ms(), call)
    error = task.exception()
    if error is None:
        return _result(call, task.result())
    if isinstance(error, ActivityError):
        return _failure(call, error)
    # Raised here, in a callback, it would only be logged, and the run would wait for this call for ever.
    return CallFailed(now_ms(), call, FailureType.INTERNAL, f"{type(error).__name__}: {error}")


def _result(call: str, raw: object) -> Event:
    try:
        result = CallResult.model_validate(raw)
    except ValidationError as error:
        message = f"the activity's result is not a call result: {error.error_count()} problems"
        return CallFailed(now_ms(), call, FailureType.INTERNAL, message)
    return CallSucceeded(now_ms(), call, result.output, result.usage, result.labels, result.content)


def _failure(call: str, error: ActivityError) -> Event:
    cause = error.cause
    if isinstance(cause, CancelledError):
        return CallCancelled(now_ms(), call)
    if isinstance(cause, TemporalTimeoutError):
        kind = "unknown" if cause.type is None else cause.type.name.lower().replace("_", "-")
        return CallFailed(now_ms(), call, "Timeout", f"no answer in time ({kind} timeout)")
    if isinstance(cause, ApplicationError):
        return _application_failure(call, cause)
    return CallFailed(now_ms(), call, FailureType.INTERNAL, str(cause or error))


def _application_failure(call: str, cause: ApplicationError) -> CallFailed:
    """A failure that an activity named; its first detail says what a provider charges for it all the same."""
    detail = cause.details[0] if cause.details else None
    try:
        bill = Bill.model_validate(detail if isinstance(detail, dict) else {})
    except ValidationError:
        bill = Bill()
    return CallFailed(
        at_ms=now_ms(),
        call=call,
        type=cause.type or FailureType.INTERNAL,
        message=cause.message,
        attempts=bill.attempt,
        billed="no" if cause.type in AT_THE_EDGE else bill.billed,  # the edge let nothing out
        usage=bill.usage,
        card=_card(detail),
        lacks=_lacks(detail),
        request=bill.request,
    )


def _lacks(detail: object) -> str | None:
    """The name of the tool that the worker is about."""
    name = detail.get("tool") if isinstance(detail, dict) else None
    return name if isinstance(name, str) else None


def _card(detail: object) -> dict[str, object] | None:
    """The worker's card of a tool that is another than the run's."""
    card = detail.get("card") if isinstance(detail, dict) else None
    return card if isinstance(card, dict) else None
