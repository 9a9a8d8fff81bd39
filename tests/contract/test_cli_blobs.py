"""What is kept, counted and swept from the command line."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import pytest

from activities.blobs import DirectoryBlobs
from tests.server.blob_runs import blob_runs
from tests.support.command_line import CommandLine, environ, with_worker
from tests.support.s3_server import s3_server

if TYPE_CHECKING:
    from pathlib import Path

    from worker.server import EmbeddedServer

KEY = "ab" * 32


async def filled(store: DirectoryBlobs) -> None:
    await store.put(b"payload")
    await store.put(b"content", "acme")
    await store.put(b"more content", "acme")
    await store.put(b"theirs", "other")
    await store.claim(KEY, "me")
    await store.record("approvals/acme", KEY, b"yes")


def test_what_is_kept_is_counted_by_folder(tmp_path: Path) -> None:
    asyncio.run(filled(DirectoryBlobs(tmp_path / "blobs")))
    (tmp_path / "blobs" / "stray").write_text("x")
    cli = CommandLine(environ("127.0.0.1:1", "unused", tmp_path), tmp_path)
    rows = {row["folder"]: (row["tenant"], row["count"], row["bytes"]) for row in cli.json("blobs", "ls")}
    assert rows == {
        "approvals/acme": ("acme", 1, 3),
        "claims": (None, 1, 2),
        "not ours": (None, 1, 1),
        "sha256": (None, 1, 7),
        "tenants/acme": ("acme", 2, 19),
        "tenants/other": ("other", 1, 6),
    }
    assert [row["folder"] for row in cli.json("blobs", "ls", "--tenant", "acme")] == ["approvals/acme", "tenants/acme"]
    assert "tenants/acme\t2\t19\n" in cli("blobs", "ls").stdout
    nothing = cli("blobs", "ls", "--tenant", "nobody")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "nothing is kept in" in nothing.stderr


def test_a_bucket_is_listed_like_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as bucket:
        for name, value in bucket.environ().items():
            monkeypatch.setenv(name, value)
        here = {"DETENT_BLOBS": f"s3://listed-{bucket.port}/prefix"}
        cli = CommandLine({**environ("127.0.0.1:1", "unused", tmp_path), **here}, tmp_path)
        assert cli.json("blobs", "ls") == []
        bucket.refuse = 403
        refused = cli("blobs", "ls")
        assert refused.returncode == 1
        assert "give this process credentials" in refused.stderr


@pytest.mark.parametrize("age", ["5m", "0d", "soon", "-30d"])
def test_an_age_that_could_catch_what_was_just_written_is_refused(tmp_path: Path, age: str) -> None:
    cli = CommandLine(environ("127.0.0.1:1", "unused", tmp_path), tmp_path)
    done = cli("blobs", "sweep", f"--older-than={age}")
    assert done.returncode == 2
    assert f"`--older-than {age}` is" in done.stderr


def test_nothing_is_removed_where_no_server_answers(tmp_path: Path) -> None:
    store = DirectoryBlobs(tmp_path / "blobs")
    asyncio.run(filled(store))
    _age(tmp_path)
    cli = CommandLine(environ("127.0.0.1:1", "unused", tmp_path), tmp_path)
    assert cli("blobs", "sweep").returncode == 6
    assert sum(row["count"] for row in cli.json("blobs", "ls")) == 6


async def test_a_sweep_tells_what_it_removed_and_why_it_kept_the_rest(
    temporal_server: EmbeddedServer, tmp_path: Path
) -> None:
    place = await blob_runs(temporal_server, tmp_path)
    await filled(place.store)
    _age(tmp_path)
    (tmp_path / "blobs" / "stray").write_text("x")
    os.utime(tmp_path / "blobs" / "stray", (1, 1))
    here = {"TEMPORAL_NAMESPACE": place.client.namespace}
    cli = CommandLine({**environ(temporal_server.address, "unused", tmp_path), **here}, tmp_path)
    told = await asyncio.to_thread(cli.json, "blobs", "sweep", "--dry-run")
    assert (told["dry_run"], len(told["removed"])) == (True, 5)
    done = await asyncio.to_thread(cli, "blobs", "sweep", "--older-than", "30d")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "5 removed, 34 bytes; 0 runs are open",
        "1 kept: a record",
        "1 kept: not ours",
    ]
    refused = await asyncio.to_thread(cli, "blobs", "sweep", "--forget", place.client.namespace)
    assert refused.returncode == 2


GRAPH = """
graph: keep
version: 1.0.0
state: {text: {reducer: last}}
capabilities: [{tool: [fs.read]}, {fs.read: ["**"]}]
start: read
nodes:
  read: {kind: tool, tool: fs.read, with: {path: long.txt}, writes: {text: "${result.text}"}, next: end}
output: {text: "${state.text}"}
"""


def test_a_run_keeps_its_large_values_in_a_bucket(
    temporal_server: EmbeddedServer, tmp_path: Path, task_queue: str
) -> None:
    (tmp_path / "workspace").mkdir()
    text = "a line that is long in the end\n" * 3000
    (tmp_path / "workspace" / "long.txt").write_text(text)
    (tmp_path / "keep.yaml").write_text(GRAPH)
    with s3_server() as bucket:
        here = {**bucket.environ(), "DETENT_BLOBS": f"s3://kept-{bucket.port}/detent"}
        ours = CommandLine({**environ(temporal_server.address, task_queue, tmp_path), **here}, tmp_path)
        for cli in with_worker(ours):
            run = cli.json("run", "keep.yaml")
            assert run["phase"] == "completed"
            assert run["output"]["text"].startswith("a line that is long")
            shown = cli.json("show", run["id"])
            assert shown["history"]["bytes"] < len(text) / 2
            assert shown["blobs"]["bytes"] > 32_000
            folders = {row["folder"]: row["count"] for row in cli.json("blobs", "ls")}
            assert folders["sha256"] >= 1
            assert folders["namespaces/all"] == 1
        assert all(name.startswith("detent/") for name in bucket.objects)
        bucket.refuse = 403
        worker = ours.start("worker")
        _, said = worker.communicate(timeout=30)
        assert worker.returncode == 7
        assert "give this process credentials" in said


def _age(root: Path) -> None:
    past = time.time() - 40 * 86_400
    for path in (root / "blobs").rglob("*"):
        os.utime(path, (past, past))
