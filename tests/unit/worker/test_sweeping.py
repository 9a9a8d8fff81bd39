"""A worker sweeps by itself only where it is told to, and says what it could not do."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from activities.blobs import DirectoryBlobs
from policies.errors import DocumentError
from worker.compose import compose, control_paths
from worker.connect import Target, connect
from worker.settings import Flags, as_environ, settings
from worker.sweeping import sweeping

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import Client

    from worker.server import EmbeddedServer

MONTH_MS = 30 * 86_400_000


async def left(store: DirectoryBlobs) -> int:
    return len([found async for found in store.listing()])


@pytest.fixture(name="store")
async def make_store(tmp_path: Path) -> DirectoryBlobs:
    store = DirectoryBlobs(tmp_path / "blobs")
    await store.claim("ab" * 32, "me")
    for path in (tmp_path / "blobs").rglob("*"):
        os.utime(path, (1, 1))
    return store


async def test_nothing_is_swept_unless_it_is_asked_for(store: DirectoryBlobs, temporal_client: Client) -> None:
    async with sweeping(temporal_client, store, None, first_s=0):
        await asyncio.sleep(0.1)
    assert await left(store) == 1


async def test_a_server_that_does_not_answer_is_told_in_the_log(
    store: DirectoryBlobs, temporal_server: EmbeddedServer, caplog: pytest.LogCaptureFixture
) -> None:
    client = await connect(Target(temporal_server.address), store)
    await store.record("namespaces/all", "cd" * 32, b"nowhere")
    async with sweeping(client, store, MONTH_MS, first_s=0), asyncio.timeout(10):
        while "blobs were not swept" not in caplog.text:  # noqa: ASYNC110 - the log has no event
            await asyncio.sleep(0.02)
    assert "nothing was removed" in caplog.text
    assert await left(store) == 2


@pytest.mark.parametrize("text", ["30", "59m", "0s", "-1d", "soon"])
def test_retention_that_is_no_age_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DocumentError, match="DETENT_BLOBS_RETENTION"):
        settings(Flags(workspace=tmp_path), {"HOME": str(tmp_path), "DETENT_BLOBS_RETENTION": text})


def test_retention_and_place_survive_the_way_to_another_process(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert settings(Flags(workspace=tmp_path), home).retention_ms is None
    given = {**home, "DETENT_BLOBS_RETENTION": "30d", "DETENT_BLOBS": "s3://bucket/prefix/"}
    found = settings(Flags(workspace=tmp_path), given)
    assert (found.retention_ms, found.blobs) == (MONTH_MS, "s3://bucket/prefix")
    assert settings(Flags(), {**home, **as_environ(found)}) == found
    assert settings(Flags(workspace=tmp_path, blobs="memory://"), given).blobs == "memory://"


def test_place_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="`ftp://` is no place for blobs"):
        settings(Flags(workspace=tmp_path), {"HOME": str(tmp_path), "DETENT_BLOBS": "ftp://x"})


def test_blobs_that_end_with_the_worker_are_told_and_a_bucket_is_no_path(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "DETENT_BLOBS": "memory://"}
    found = settings(Flags(workspace=tmp_path), home)
    assert [
        line for line in compose(found, "default", home).lines() if line.startswith("blobs are kept in this process")
    ]
    assert control_paths(found).closed == ()
