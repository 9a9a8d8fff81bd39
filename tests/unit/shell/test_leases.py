"""What the shell makes of the ledger's replies, and of none."""

from __future__ import annotations

import asyncio

from temporalio.api.enums.v1 import RetryState
from temporalio.exceptions import ActivityError, ApplicationError

from policies.budget import NOTHING, Amount, Limits
from policies.windows import Window
from workflows.contracts.leases import Ask, Back
from workflows.engine.commands import SettleLease, TakeLease
from workflows.engine.events import LeaseArrived, LeaseSettled
from workflows.shell import leases

TAKE = TakeLease(
    want=Amount(tokens=9, wall_ms=5),
    need=Amount(tokens=4),
    fence=2,
    used=Amount(steps=1),
    known=NOTHING,
    until_ms=8,
    windows=(Window(Limits(tokens=10), "hour"),),
)
SETTLE = SettleLease(used=Amount(steps=1), known=NOTHING, fence=2, final=True)


async def done(result: object = None, *, error: BaseException | None = None) -> asyncio.Task[object]:
    """A task that has ended so."""

    async def end() -> object:
        if error is not None:
            raise error
        return result

    task = asyncio.create_task(end())
    await asyncio.wait([task])
    return task


def failed(cause: BaseException | None) -> ActivityError:
    """What a local activity fails with."""
    error = ActivityError(
        "failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="tenant.lease",
        activity_id="tenant.lease#2",
        retry_state=RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED,  # type: ignore[arg-type] # it is typed as another enum of the same numbers
    )
    error.__cause__ = cause
    return error


def test_what_is_asked_and_given_back_reads_as_messages() -> None:
    assert Ask.model_validate(leases.asking(TAKE)).want.amount() == Amount(tokens=9)
    assert Ask.model_validate(leases.asking(TAKE)).windows[0].per == "hour"
    assert Back.model_validate(leases.giving_back(SETTLE)).final


async def test_a_reply_becomes_a_lease() -> None:
    reply = {"granted": {"tokens": 9}, "expires_ms": 8, "fence": 2, "limit": {"tokens": 10}, "used": {"tokens": 1}}
    assert leases.arrived(TAKE, await done(reply), 5) == LeaseArrived(
        5, Amount(tokens=9), 8, 2, limit={"tokens": 10}, used=Amount(tokens=1)
    )


async def test_no_reply_is_asked_for_again() -> None:
    for task, words in (
        (await done(error=failed(ApplicationError("the ledger is away"))), "the ledger is away"),
        (await done(error=failed(None)), "no answer in time: failed"),
        (await done({"replies": []}), None),
        (await done({"granted": "much"}), "the ledger's reply does not parse: 1 problems"),
        (await done(error=asyncio.CancelledError()), "the worker gave it up"),
    ):
        event = leases.arrived(TAKE, task, 5)
        assert event.expires_ms == 0
        if words is not None:
            assert (event.refused, event.again, event.limit) == (words, True, None)


async def test_a_lease_that_cannot_be_given_back_is_given_up() -> None:
    assert leases.settled(SETTLE, await done({}), 5) == LeaseSettled(5, 2)
    away = await done(error=failed(ApplicationError("the ledger is away")))
    assert leases.settled(SETTLE, away, 5) == LeaseSettled(5, 2, failed="the ledger is away")
