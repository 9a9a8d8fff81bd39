"""What is lost is told, restored from the history, and then the run goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from activities.blobs import DirectoryBlobs
from cli.rebuilding import rebuild
from cli.replaying import read_history
from tests.server.blob_runs import BlobRuns, agent_graph, blob_runs
from tests.support.command_line import CommandLine, environ
from worker.reachable import executions
from workflows.contracts.failures import FailureType

if TYPE_CHECKING:
    from pathlib import Path

    from cli.mending import Mending
    from tests.support.runs import Run
    from worker.server import EmbeddedServer

LARGE = "an input that history does not hold. " * 2000


@pytest.fixture(name="place")
async def make_place(temporal_server: EmbeddedServer, tmp_path: Path) -> BlobRuns:
    return await blob_runs(temporal_server, tmp_path)


async def rebuilt(place: BlobRuns, run: Run) -> Mending:
    described = await run.handle.describe()
    histories = [one async for _, one in executions(place.client, run.handle.id, described.run_id or "")]
    return await rebuild(place.store, histories[::-1], "default")


def lose(place: BlobRuns, names: set[str]) -> None:
    for name in names:
        (place.store._root / name).unlink()


async def content(place: BlobRuns) -> set[str]:
    return {name for name in await place.names() if name.startswith("tenants/")}


async def test_run_goes_on_after_a_rebuild(place: BlobRuns) -> None:
    async with place.working("x") as runs:
        run = await runs.start(agent_graph(), {"say": "well"})
        pause = await run.pause()
    kept = await content(place)
    lose(place, kept)
    async with place.working("x"):
        await run.answer("approve", pause=pause.id)
        lost = await run.until(lambda view: view.pauses and view.pauses[0].id != pause.id)
        asked = lost.pauses[0]
        assert asked.error is not None
        assert asked.error["type"] == FailureType.BLOB_LOST
        assert f"`detent blobs rebuild {run.handle.id}`" in asked.error["message"]

        mending = await rebuilt(place, run)
        assert set(mending.restored) >= kept
        assert mending.lost == {}
        assert kept <= await content(place)
        again = await rebuilt(place, run)
        assert (again.restored, again.there >= kept) == ([], True)

        await run.answer("retry", pause=asked.id)
        assert (await run.closed()).output == {"text": "done"}


async def test_damaged_content_is_mended_too(place: BlobRuns) -> None:
    async with place.working("x") as runs:
        run = await runs.start(agent_graph(), {"say": "well"})
        await run.pause()
        kept = {name: (place.store._root / name).read_bytes() for name in await content(place)}
        for name, data in kept.items():
            (place.store._root / name).write_bytes(b"?" * len(data))
        mending = await rebuilt(place, run)
        assert set(mending.restored) == kept.keys()
        assert {name: (place.store._root / name).read_bytes() for name in kept} == kept
        await run.handle.terminate()


async def test_an_export_restores_what_the_history_only_refers_to(place: BlobRuns, tmp_path: Path) -> None:
    async with place.working("x") as runs:
        run = await runs.start(agent_graph(), {"say": "well", "pad": LARGE})
        await run.pause()
        everything = await place.names() - await place.passing(run)
        large = {name for name in everything if name.startswith("sha256/")}
        address = place.client.service_client.config.target_host
        here = {"TEMPORAL_NAMESPACE": place.client.namespace, "DETENT_BLOBS": str(place.store._root)}
        shell = CommandLine({**environ(address, "unused", tmp_path), **here}, tmp_path)
        file = tmp_path / "run.json"
        await asyncio.to_thread(shell.json, "history", run.handle.id, "-o", str(file))
        lose(place, large)
        mending = await rebuilt(place, run)
        assert set(mending.lost) == large
        assert all("give it with `--history`" in why for why in mending.lost.values())

        lose(place, everything - large - {name for name in everything if name.startswith("claims/")})
        found = await rebuild(place.store, [read_history(str(file))], "default")
        assert found.lost == {}
        assert everything <= await place.names()
        told = await asyncio.to_thread(shell.json, "blobs", "rebuild", run.handle.id, "--history", str(file))
        assert told["restored"] == told["lost"] == []
        empty = DirectoryBlobs(tmp_path / "empty")
        assert set((await rebuild(empty, [read_history(str(file))], "default")).restored) == {
            name for name in everything if not name.startswith("claims/")
        }
        other = await asyncio.to_thread(shell, "blobs", "rebuild", "default/g/other", "--history", str(file))
        assert other.returncode == 7
        assert "the history is of run" in other.stderr
        await run.handle.terminate()
