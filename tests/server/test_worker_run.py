"""The worker's process: what it says, how it ends, what it refuses to start with."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from activities.blobs import DirectoryBlobs
from tests.support.runs import SEAL_KEY
from worker.connect import Target, connect, identity
from worker.polling import pollers
from workflows.contracts.names import WORKFLOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.server import EmbeddedServer

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parents[2]


def environ(root: Path, **more: str) -> dict[str, str]:
    """The environment of a worker whose every directory lies in one of its own."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("TEMPORAL_", "DETENT_"))}
    (root / "work").mkdir(exist_ok=True)
    places = {"HOME": str(root), "DETENT_WORKSPACE": str(root / "work"), "DETENT_BLOBS": str(root / "blobs")}
    return {**plain, **places, "TEMPORAL_CONFIG_FILE": os.devnull, "DETENT_SEAL_KEY": SEAL_KEY, **more}


def refused(root: Path, **more: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "worker"]
    env = environ(root, **more)
    return subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def working(root: Path, **more: str) -> Iterator[subprocess.Popen[str]]:
    """A worker that polls, killed at the end if it has not ended by then."""
    reading, writing = os.pipe()
    line = [sys.executable, "-m", "worker"]
    env = environ(root, DETENT_READY_FD=str(writing), **more)
    with subprocess.Popen(
        line, cwd=ROOT, env=env, pass_fds=[writing], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        os.close(writing)
        try:
            assert os.read(reading, 16) == b"ready"
            yield process
        finally:
            os.close(reading)
            if process.poll() is None:
                process.kill()


async def test_it_drains_on_sigterm_and_says_nothing_on_stdout(
    tmp_path: Path, temporal_server: EmbeddedServer, task_queue: str
) -> None:
    place = {"TEMPORAL_ADDRESS": temporal_server.address, "DETENT_TASK_QUEUE": task_queue}
    with working(tmp_path, **place) as process:
        client = await connect(Target(temporal_server.address), DirectoryBlobs(tmp_path / "blobs"))
        assert await pollers(client, task_queue) == (f"{identity()}#{process.pid}",)
        nodes = {"nap": {"kind": "wait", "for": "1ms", "next": "end"}}
        graph = {"graph": "nap", "version": "1.0.0", "start": "nap", "nodes": nodes}
        run_id = f"default/nap/{task_queue}"
        await client.execute_workflow(WORKFLOW, {"graph": graph}, id=run_id, task_queue=task_queue)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out == ""
    assert f"polling task queue `{task_queue}` of `default` at {temporal_server.address}" in err
    assert "policy `builtin` (built in)" in err
    assert "draining" in err
    assert err.rstrip().endswith("stopped")


async def test_two_signals_end_it_at_once(tmp_path: Path, temporal_server: EmbeddedServer, task_queue: str) -> None:
    place = {"TEMPORAL_ADDRESS": temporal_server.address, "DETENT_TASK_QUEUE": task_queue}
    with working(tmp_path, **place) as process:
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            await asyncio.sleep(0.05)
        assert process.wait(timeout=20) in {0, 1}


def test_it_says_that_no_server_is_there(tmp_path: Path) -> None:
    done = refused(tmp_path, TEMPORAL_ADDRESS="127.0.0.1:1")
    assert done.returncode == 6
    assert "no temporal server at `127.0.0.1:1`: connection refused; start one with `detent dev`" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_wrong_operator_file_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("models:\n  default: {provider: nobody}\n", encoding="utf-8")
    done = refused(tmp_path, DETENT_MODELS=str(tmp_path / "models.yaml"))
    assert done.returncode == 7
    assert f"{tmp_path}/models.yaml:2:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("key", ["", "x"])
def test_it_does_not_start_without_a_seal_key(tmp_path: Path, key: str) -> None:
    done = refused(tmp_path, TEMPORAL_ADDRESS="127.0.0.1:1", DETENT_SEAL_KEY=key)
    assert done.returncode == 7
    assert "DETENT_SEAL_KEY: is not" in done.stderr
    assert "make one with `openssl rand -base64 32`" in done.stderr
    assert "the worker did not start" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_client_configuration_is_a_document_too(tmp_path: Path) -> None:
    config = tmp_path / "temporal.toml"
    config.write_text("a = [", encoding="utf-8")
    done = refused(tmp_path, TEMPORAL_CONFIG_FILE=str(config))
    assert done.returncode == 7
    assert f"{config}: temporal's client configuration" in done.stderr


def test_it_does_not_start_beside_a_namesake_of_its_packages(tmp_path: Path) -> None:
    namesake = tmp_path / "first" / "workflows"
    namesake.mkdir(parents=True)
    (namesake / "__init__.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path / 'first')!r}, {str(ROOT)!r}]\nimport runpy\nsys.argv=['worker']\n"
    )
    program += "runpy.run_module('worker', run_name='__main__')"
    line = [sys.executable, "-c", program]
    env = environ(tmp_path)
    done = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "package `workflows` resolves to" in done.stderr
    assert "imported" not in done.stderr
