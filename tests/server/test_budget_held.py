"""A few schedules of `make chaos`'s budget trial: a fan-out, a cap, a worker that is killed, a provider's journal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from activities.blobs import DirectoryBlobs
from tests.support.budget_trial import budget_trial
from tests.support.fan_out import CAP_NANO

if TYPE_CHECKING:
    from temporalio.client import Client

    from worker.server import EmbeddedServer

pytestmark = pytest.mark.server
SEEDS = [1, 2, 3, 4, 5]


async def test_a_fan_out_over_killed_workers_is_never_served_more_than_its_cap(
    temporal_client: Client, temporal_server: EmbeddedServer, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    address = temporal_server.address
    async with budget_trial(temporal_client, address, task_queue, blobs._root, tmp_path / "trial") as trial:
        found = await trial.schedules(SEEDS, kills=2)
    faults = [fault for told in found for fault in told.faults]
    assert not faults, faults
    assert max(told.served_nano for told in found) > CAP_NANO // 4
