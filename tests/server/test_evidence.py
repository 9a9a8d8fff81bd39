"""The mutation table of answers on the real server: each is refused and recorded, and the run is as it was.

That the same answer counts unedited is the last line of each row.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from tests.support.runs import graph_of, policy_of, tool, working
from tests.support.signers import public_key, signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from tests.support.runs import Run, Runs

pytestmark = pytest.mark.server
RISKY = graph_of({"act": tool("risky", "end", {"value": 7}, writes={"got": "${result.value}"})}, state={"got": {}})


def signing() -> dict[str, object]:
    """Operators sign; `eve` is none."""
    roles = {"ada": ["operator"], "bob": ["operator"], "eve": ["guest"], "old": ["operator"]}
    people = [{"id": who, "roles": held, "public_key": public_key(who)} for who, held in roles.items()]
    asks = {"deadline": "1h", "on_timeout": "deny", "answerers": ["role:operator"]}
    known = {"answerers": {"require_signature": True, "people": people}, "revoked": [public_key("old")]}
    return {**policy_of(triggers={"on_risky_tool": asks}), **known}


@pytest.fixture(name="runs")
async def make_runs(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> AsyncIterator[Runs]:
    async with working(temporal_client, blobs, task_queue, tmp_path, policy=signing()) as found:
        yield found


def at(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


async def answer_to(run: Run, by: str = "ada", **fields: Any) -> dict[str, Any]:
    """A signed answer to the run's pause; a field that is null is left out."""
    pause = await run.pause()
    given = {"v": 1, "pause": pause.id, "digest": pause.digest, "outcome": "approve", "by": by}
    times = {"issued_at": at(0), "expires_at": at(60)}
    return signed({key: value for key, value in {**given, **times, **fields}.items() if value is not None}, by)


async def refusal(run: Run, answer: object) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await run.handle.execute_update("answer", answer)
    return str(caught.value.cause)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ({"outcome": "deny"}, "signature is not one of `ada`"),
        ({"scope": "run"}, "signature is not one of `ada`"),
        ({"by": "bob"}, "signature is not one of `bob`"),
        ({"by": "zed"}, "nobody whom"),
        ({"data": {"n": 1}}, "signature is not one of `ada`"),
        ({"data": {"n": 1.0}}, "no one form"),
        ({"data": {"n": "Cafe\u0301"}}, "no one form"),
        ({"digest": "0" * 64}, "digest is not that"),
        ({"digest": None}, "does not say what it answers"),
        ({"issued_at": "2026-01-01T00:00:00Z"}, "signature is not one"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, "signature is not one"),
        ({"nonce": "x"}, "signature is not one"),
        ({"signature": ""}, "signature is not one"),
        ({"signature": None}, "a signature is needed"),
        ({"signature": "A" * 86 + "=="}, "signature is not one"),
    ],
)
async def test_an_edited_answer_changes_nothing(runs: Runs, edit: dict[str, Any], why: str) -> None:
    run = await runs.start(RISKY)
    good = await answer_to(run)
    edited = {key: value for key, value in {**good, **edit}.items() if value is not None}
    assert why in await refusal(run, edited)
    await _unchanged(run, runs, why)
    await run.handle.execute_update("answer", good)
    assert (await run.closed()).phase == "completed"


@pytest.mark.parametrize(
    ("by", "fields", "why"),
    [
        ("eve", {}, "not among those who may"),
        ("old", {}, "is revoked"),
        ("ada", {"expires_at": "2026-01-01T00:00:00Z", "issued_at": "2025-12-31T23:00:00Z"}, "expired"),
        ("ada", {"issued_at": "2098-12-31T23:00:00Z", "expires_at": "2099-01-01T00:00:00Z"}, "in the future"),
        ("ada", {"issued_at": None}, "`issued_at` is needed"),
        ("ada", {"expires_at": None}, "`expires_at` is needed"),
        ("ada", {"expires_at": "2099-01-01T00:00:00Z"}, "longer than 24 hours"),
        ("ada", {"scope": "tenant"}, "no approvals for a whole tenant"),
    ],
)
async def test_a_well_signed_answer_that_may_not_count_changes_nothing(
    runs: Runs, by: str, fields: dict[str, Any], why: str
) -> None:
    run = await runs.start(RISKY)
    assert why in await refusal(run, await answer_to(run, by, **fields))
    await _unchanged(run, runs, why)
    await run.handle.execute_update("answer", await answer_to(run))
    assert (await run.closed()).phase == "completed"


async def test_an_answer_to_another_run_or_another_visit_changes_nothing(runs: Runs) -> None:
    one, other = await runs.start(RISKY), await runs.start(RISKY)
    theirs = await answer_to(one)
    assert "digest is not that" in await refusal(other, theirs)
    await _unchanged(other, runs, "digest is not that")
    await one.handle.execute_update("answer", theirs)
    assert (await one.closed()).phase == "completed"
    await other.handle.execute_update("answer", await answer_to(other))
    assert (await other.closed()).phase == "completed"
    assert len(runs.effects()) == 2


async def _unchanged(run: Run, runs: Runs, why: str) -> None:
    view = await run.view()
    assert view.phase == "waiting"
    assert [pause.id for pause in view.pauses] == ["p1"]
    assert why in view.refusals[-1].reason
    assert view.refusals[-1].by.startswith("claimed:")
    assert runs.effects() == []
