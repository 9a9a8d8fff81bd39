"""The local activities that speak for a run to its tenant's ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.leases import Leases, LedgerUnreachable
from policies.budget import Limits
from policies.windows import Window
from workflows.contracts.leases import Ask, Back, Reply, Units

ASK: dict[str, Any] = {
    "fence": 1,
    "used": {"steps": 2},
    "want": {"tokens": 9},
    "need": {"tokens": 5},
    "until_ms": 7,
    "windows": [{"per": "day", "tokens": 100}],
}


class Ledgers:
    """Remembers what was told to whom."""

    def __init__(self, *, away: bool = False) -> None:
        self.told: list[tuple[str, Ask | Back]] = []
        self.away = away

    async def tell(self, tenant: str, message: Ask | Back) -> Reply:
        """Grant nothing."""
        if self.away:
            raise LedgerUnreachable("the ledger is away")
        self.told.append((tenant, message))
        return Reply(fence=message.fence)


def environment(*, is_local: bool = True) -> ActivityEnvironment:
    """The worker, running a local activity of a run."""
    found = ActivityEnvironment()
    found.info = replace(found.info, is_local=is_local, workflow_id="acme/g/1", workflow_run_id="r1")
    return found


async def test_the_worker_says_who_asks_and_adds_its_own_windows() -> None:
    ledgers = Ledgers()
    mine = (Window(Limits(tokens=100)), Window(Limits(steps=3), "hour"))
    leases = Leases(ledgers, {"acme": mine, "other": (Window(Limits(steps=1)),)})
    await environment().run(leases.lease, {**ASK, "workflow_id": "other/g/1", "run_id": "r9"})
    ((tenant, told),) = ledgers.told
    assert isinstance(told, Ask)
    assert (tenant, told.workflow_id, told.run_id, told.used) == ("acme", "acme/g/1", "r1", Units(steps=2))
    assert [(window.per, window.tokens, window.steps) for window in told.windows] == [
        ("day", 100, None),
        ("hour", None, 3),
    ]


async def test_a_lease_is_given_back_for_the_run_that_had_it() -> None:
    ledgers = Ledgers()
    await environment().run(Leases(ledgers, {}).settle, {"fence": 3, "used": {"tokens": 4}, "final": True})
    assert ledgers.told == [
        ("acme", Back(workflow_id="acme/g/1", run_id="r1", fence=3, used=Units(tokens=4), final=True))
    ]


@pytest.mark.parametrize("name", ["lease", "settle"])
async def test_nobody_can_schedule_them(name: str) -> None:
    """Only a worker's own workflow code can have a local activity run; anybody can schedule another."""
    ledgers = Ledgers()
    activity = getattr(Leases(ledgers, {}), name)
    with pytest.raises(ApplicationError) as caught:
        await environment(is_local=False).run(activity, ASK)
    assert caught.value.type == "Unsealed"
    assert ledgers.told == []
    await environment().run(activity, ASK)
    assert len(ledgers.told) == 1


async def test_a_ledger_that_is_away_is_a_failure_in_its_words() -> None:
    with pytest.raises(ApplicationError, match="the ledger is away"):
        await environment().run(Leases(Ledgers(away=True), {}).lease, ASK)
