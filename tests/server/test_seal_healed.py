"""A stolen admission is not made good by a true one: what the first one said of the run stays in its state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from temporalio.api.common.v1 import Payloads

from tests.server.histories import card_of
from tests.server.test_people import control, says, signed, strict
from tests.server.thief import admission_of, recorded, steal
from tests.support import signers
from tests.support.runs import Run, graph_of, human, tool, working
from workflows.contracts.names import WORKFLOW

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import Client

    from activities.blobs import DirectoryBlobs

pytestmark = pytest.mark.server
CHAIN = graph_of({"ask": human("yes", to="act"), "act": tool("note", "end", {"value": 1}, on_failure="fail")})


async def test_repin_under_a_stolen_admission_brings_no_seal_back(
    temporal_client: Client, blobs: DirectoryBlobs, task_queue: str, tmp_path: Path
) -> None:
    """The forged card says that eve is the operator and bob began the run; then eve asks for the true policy."""
    place = (temporal_client, blobs, task_queue, tmp_path)
    async with working(*place, policy=strict()) as runs:
        honest = await runs.start(CHAIN)
        await honest.pause()
        marker, card = await admission_of(honest), await card_of(honest)
        forged = card.model_dump(mode="json", exclude_defaults=True)
        eve = {"id": "eve", "roles": ["operator"], "public_key": signers.public_key("eve")}
        forged["policy"]["answerers"]["people"] = [eve]
        forged |= {"v": 1, "starter": {"id": "bob", "assurance": "signed"}}
        told = Payloads(payloads=await runs.client.data_converter.encode([forged]))
        key = runs.key()
    handle = await temporal_client.start_workflow(
        WORKFLOW, {"v": 1, "graph": CHAIN}, id=f"default/g/{key}-stolen", task_queue=task_queue
    )
    stolen = Run(handle, temporal_client)
    await steal(temporal_client, task_queue, recorded(marker, told))
    await stolen.signal({"pause": "p9", "outcome": "nothing"})
    async with working(*place, policy=strict()) as runs:
        await stolen.pause()
        digest = card.policy_digest
        await handle.execute_update("repin", await control(stolen, "repin", "eve", policy_digest=digest))
        pause = await stolen.pause()
        await says(stolen, signed(pause, "yes", "dee"))
        view = await stolen.closed()
        assert runs.effects("note") == []
    assert view.error is not None
    assert "shows no seal" in view.error.message
