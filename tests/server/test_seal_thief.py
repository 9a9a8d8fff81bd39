"""A stranger who polls our own task queue records what it likes in our runs; our worker does nothing for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.api.common.v1 import Payloads

from tests.server.histories import card_of, scheduled_in
from tests.server.stranger import BelievesAll, forged_carry, go_on
from tests.server.thief import admission_of, recorded, scheduled_again, steal
from tests.support.runs import Run, Runs, graph_of, human, policy_of, tool, working
from workflows.contracts.names import WORKFLOW

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from activities.seal import SealKeys

LENIENT = policy_of()
STRICT = policy_of(budgets={"lifetime": {"steps": 1}})
THREE = graph_of(
    {
        "one": tool("note", "two", {"value": 1}, on_failure="fail"),
        "two": tool("note", "three", {"value": 2}, on_failure="fail"),
        "three": tool("note", "end", {"value": 3}, on_failure="fail"),
    }
)
PAUSED = graph_of(
    {"one": tool("note", "ask", {"value": 1}), "ask": human("yes", to="two"), "two": tool("pay", "end", {"usd": 1})}
)


@dataclass(frozen=True)
class Workers:
    """Workers of one deployment, one after the other on one queue."""

    client: Client
    blobs: DirectoryBlobs
    task_queue: str
    root: Path

    def __call__(
        self, policy: dict[str, Any] = STRICT, seals: SealKeys | None = None
    ) -> AbstractAsyncContextManager[Runs]:
        return working(self.client, self.blobs, self.task_queue, self.root, policy=policy, seals=seals)


@pytest.fixture
def workers(temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path) -> Workers:
    return Workers(temporal_client, blobs, task_queue, tmp_path)


async def forged(runs: Runs, run: Run, **changes: Any) -> Payloads:
    """The run's card with other contents, as `run.admit` would give it; the seal is that of the true one."""
    card = {**(await card_of(run)).model_dump(mode="json", exclude_defaults=True), "v": 1, **changes}
    return Payloads(payloads=await runs.client.data_converter.encode([card]))


async def generous(runs: Runs, run: Run, **changes: Any) -> Payloads:
    """A card whose policy limits nothing."""
    card = await card_of(run)
    policy = json.loads(json.dumps(card.policy))
    policy["budgets"]["lifetime"]["steps"] = None
    return await forged(runs, run, policy=policy, **changes)


async def start_unserved(runs: Runs) -> Run:
    """A run that is started while no worker of ours polls."""
    handle = await runs.client.start_workflow(
        WORKFLOW, {"v": 1, "graph": THREE}, id=f"default/g/{runs.key()}-stolen", task_queue=runs.task_queue
    )
    return Run(handle, runs.client)


async def wake(run: Run) -> None:
    """Have the server make a workflow task; what is sent is nothing to the run."""
    await run.signal({"pause": "p9", "outcome": "nothing"})


async def test_the_policy_holds_where_nobody_steals(workers: Workers) -> None:
    """What the thief is after: this run may make one step."""
    async with workers() as runs:
        run = await runs.start(THREE)
        assert (await run.closed()).phase == "failed"
        assert [effect["value"] for effect in runs.effects()] == [1]


@pytest.mark.parametrize("seal", ["no seal", "the seal of another run", "its own making"])
async def test_a_stolen_admission_gets_nothing_done(workers: Workers, seal: str) -> None:
    async with workers() as runs:
        honest = await runs.start(THREE)
        await honest.closed()
        marker = await admission_of(honest)
        seals = {
            "no seal": None,
            "the seal of another run": (await card_of(honest)).seal,
            "its own making": "AAAA" * 11,
        }
        card = await generous(runs, honest, seal=seals[seal])
    effects = len(runs.effects())
    stolen = await start_unserved(runs)
    await steal(runs.client, runs.task_queue, recorded(marker, card))
    await wake(stolen)
    async with workers() as runs:
        failed = await stolen.failure()
    assert failed.type == "Unsealed"
    assert len(runs.effects()) == effects, "our worker went on with the run and did nothing for it"


async def test_without_the_check_a_stolen_admission_is_what_the_run_may_do(workers: Workers) -> None:
    gullible = BelievesAll(bytes(32))
    async with workers(seals=gullible) as runs:
        honest = await runs.start(THREE)
        await honest.closed()
        marker, card = await admission_of(honest), await generous(runs, honest)
    effects = len(runs.effects())
    stolen = await start_unserved(runs)
    await steal(runs.client, runs.task_queue, recorded(marker, card))
    await wake(stolen)
    async with workers(seals=gullible) as runs:
        assert (await stolen.closed()).phase == "completed"
    assert [effect["value"] for effect in runs.effects()[effects:]] == [1, 2, 3], "more than its policy allows"


async def test_the_true_admission_of_another_run_is_not_this_ones(workers: Workers) -> None:
    """Word for word, seal and all: a run's card is of its own input and ids."""
    async with workers() as runs:
        honest = await runs.start(THREE)
        await honest.closed()
        marker = await admission_of(honest)
    effects = len(runs.effects())
    stolen = await start_unserved(runs)
    await steal(runs.client, runs.task_queue, recorded(marker, marker.details["result"]))
    await wake(stolen)
    async with workers() as runs:
        assert (await stolen.failure()).type == "Unsealed"
    assert len(runs.effects()) == effects


async def test_the_stolen_admission_of_a_forged_carry_gets_nothing_done(workers: Workers) -> None:
    """A carry is admitted too: by a marker without a card, which anybody can record as well."""
    async with workers() as runs:
        honest = await runs.start(THREE)
        await honest.closed()
        marker, card = await admission_of(honest), await card_of(honest)
    effects = len(runs.effects())
    (stolen,) = await go_on(runs, forged_carry(runs, THREE, card))
    receipt = await runs.client.data_converter.encode([{"v": 1, "seal": card.seal}])
    await steal(runs.client, runs.task_queue, recorded(marker, Payloads(payloads=receipt)))
    await wake(stolen)
    async with workers() as runs:
        assert (await stolen.failure()).type == "Unsealed"
    assert len(runs.effects()) == effects


async def paused(runs: Runs) -> Run:
    """A run of ours with one sealed call behind it, that waits for a person."""
    run = await runs.start(PAUSED)
    await run.pause()
    return run


OTHER = {"value": 99}


@pytest.mark.parametrize("change", ["other input", "other id", "both the same"])
async def test_a_seal_of_this_very_run_is_good_for_one_call(workers: Workers, change: str) -> None:
    """The thief has the run, and the seal of a call that the run has made; it asks for more."""
    async with workers(LENIENT) as runs:
        run = await paused(runs)
        (once,) = await scheduled_in(run)
        (call,) = await runs.client.data_converter.decode(once.input.payloads)
        assert len(runs.effects("note")) == 1
    other = Payloads(payloads=await runs.client.data_converter.encode([{**call, "args": OTHER}]))
    given = other if change == "other input" else once.input
    activity_id = f"{once.activity_id}x" if change == "other id" else once.activity_id
    await wake(run)
    await steal(
        runs.client, runs.task_queue, scheduled_again(once, runs.task_queue, activity_id=activity_id, given=given)
    )
    async with workers(LENIENT) as runs:
        ended = await outcome_of_last(run)
    if change == "both the same":
        assert ended == "ACTIVITY_TASK_COMPLETED", "the same call again: what may not happen twice is claimed (below)"
        return
    assert ended == "Unsealed"
    assert len(runs.effects("note")) == 1


async def test_a_sealed_call_that_may_happen_once_is_not_repeated(workers: Workers) -> None:
    """Its seal is good for the very same call, which the thief schedules again; the claim on its key is not."""
    graph = graph_of({"one": tool("pay", "ask", {"usd": 1}), "ask": human("yes", to="end")})
    async with workers(LENIENT) as runs:
        run = await runs.start(graph)
        await run.pause()
        (once,) = await scheduled_in(run)
        assert len(runs.effects("pay")) == 1
    await wake(run)
    again = scheduled_again(once, runs.task_queue, activity_id=once.activity_id, given=once.input)
    await steal(runs.client, runs.task_queue, again)
    async with workers(LENIENT) as runs:
        assert await outcome_of_last(run) == "Uncertain"
    assert len(runs.effects("pay")) == 1


async def outcome_of_last(run: Run) -> str:
    """How the last activity of a run ended: an event's type, or the type of its failure."""
    while True:
        history = await run.handle.fetch_history()
        ends = [event for event in history.events if _ended(event)]
        if len(ends) > 1:  # the run's own, and the thief's
            last = ends[-1]
            failed = last.activity_task_failed_event_attributes
            if failed.ByteSize():
                return str(failed.failure.application_failure_info.type)
            return "ACTIVITY_TASK_COMPLETED"


def _ended(event: HistoryEvent) -> bool:
    return bool(
        event.HasField("activity_task_failed_event_attributes")
        or event.HasField("activity_task_completed_event_attributes")
    )
