"""Leases between the engine and the local activities that speak to the tenant's ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError
from temporalio.exceptions import ActivityError, ApplicationError

from policies.budget import NOTHING
from workflows.contracts.leases import Reply, Units, WindowLimits
from workflows.engine.events import LeaseArrived, LeaseSettled

if TYPE_CHECKING:
    import asyncio

    from workflows.engine.commands import SettleLease, TakeLease

Json = dict[str, object]


def asking(command: TakeLease) -> Json:
    """What `tenant.lease` takes; who asks is the worker's to say."""
    return {
        "fence": command.fence,
        "want": _units(Units.of(command.want)),
        "need": _units(Units.of(command.need)),
        "used": _units(Units.of(command.used)),
        "known": _units(Units.of(command.known)),
        "until_ms": command.until_ms,
        "windows": [
            WindowLimits.of(window).model_dump(mode="json", exclude_defaults=True) for window in command.windows
        ],
    }


def giving_back(command: SettleLease) -> Json:
    """What `tenant.settle` takes."""
    return {
        "fence": command.fence,
        "used": _units(Units.of(command.used)),
        "known": _units(Units.of(command.known)),
        "final": command.final,
    }


def arrived(command: TakeLease, done: asyncio.Task[object], at_ms: int) -> LeaseArrived:
    """The ledger's reply; where there is none, the run waits and asks again."""
    try:
        reply = Reply.model_validate(_result(done))
    except _Missing as error:
        return LeaseArrived(at_ms, NOTHING, 0, command.fence, refused=str(error), again=True)
    except ValidationError as error:
        words = f"the ledger's reply does not parse: {error.error_count()} problems"
        return LeaseArrived(at_ms, NOTHING, 0, command.fence, refused=words, again=True)
    return LeaseArrived(
        at_ms,
        granted=reply.granted.amount(),
        expires_ms=reply.expires_ms,
        fence=command.fence,
        limit=reply.limit,
        used=reply.used.amount(),
        refused=reply.refused,
        again=reply.again,
    )


def settled(command: SettleLease, done: asyncio.Task[object], at_ms: int) -> LeaseSettled:
    """The ledger has the lease back, or will have to find out by itself."""
    try:
        _result(done)
    except _Missing as error:
        return LeaseSettled(at_ms, command.fence, failed=str(error))
    return LeaseSettled(at_ms, command.fence)


class _Missing(Exception):
    """There is no reply."""


def _result(done: asyncio.Task[object]) -> object:
    if done.cancelled():
        raise _Missing("the worker gave it up")
    error = done.exception()
    if error is None:
        return done.result()
    cause = error.cause if isinstance(error, ActivityError) and error.cause is not None else error
    raise _Missing(cause.message if isinstance(cause, ApplicationError) else f"no answer in time: {cause}")


def _units(units: Units) -> Json:
    """History keeps every byte."""
    return units.model_dump(exclude_defaults=True)
