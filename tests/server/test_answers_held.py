"""One round of `make chaos`'s trial of answers: many questions, a worker that is killed, each effect once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.approval_trial import approval_trial

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs
    from worker.server import EmbeddedServer

pytestmark = pytest.mark.server


async def test_answers_given_in_any_order_over_killed_workers_are_one_call_each(
    temporal_client: Client, temporal_server: EmbeddedServer, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    address = temporal_server.address
    async with approval_trial(temporal_client, address, task_queue, blobs._root, tmp_path / "trial") as trial:
        lines = await trial.round(questions=10, kills=2, seed=11)
    assert not trial.faults, trial.faults
    assert lines >= 10
