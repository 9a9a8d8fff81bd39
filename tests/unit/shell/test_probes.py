"""What a run makes of a worker's look, whatever comes of it."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.exceptions import ApplicationError

from workflows.engine.commands import Probe
from workflows.engine.events import Probed
from workflows.shell import probes

LOOK = Probe("tool:late:", "tool", "late", 3)


async def heard(outcome: object) -> Probed:
    """What the run is told of a look that gave this, or failed with it."""

    async def look() -> object:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    task: asyncio.Task[object] = asyncio.ensure_future(look())
    await asyncio.wait([task])
    return probes.told(LOOK, task, 7)


def test_a_look_is_asked_for_in_the_name_of_the_run_s_tenant() -> None:
    assert probes.asking(LOOK, "acme/g/k") == {"v": 1, "kind": "tool", "name": "late", "tenant": "acme"}


@pytest.mark.parametrize(
    ("outcome", "card", "failed"),
    [
        ({"v": 1, "card": {"name": "late"}}, {"name": "late"}, None),
        ({"v": 1}, None, None),
        ({"v": 1, "failed": "not here"}, None, "not here"),
        ("nonsense", None, "what the worker says does not parse"),
        (None, None, "what the worker says does not parse"),
        ({"card": 3}, None, "what the worker says does not parse"),
        (ApplicationError("no seal", type="Unsealed"), None, "no worker could look for it: no seal"),
        (TimeoutError("late"), None, "no worker could look for it: late"),
        (asyncio.CancelledError(), None, "the worker's look was cancelled"),
    ],
)
async def test_whatever_comes_of_it_the_run_is_told(
    outcome: object, card: dict[str, object] | None, failed: str | None
) -> None:
    told = await heard(outcome)
    assert (told.at_ms, told.gap, told.card, told.failed) == (7, "tool:late:", card, failed)
