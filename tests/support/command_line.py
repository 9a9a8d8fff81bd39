"""The command line as a person uses it, against the run's server."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from click.testing import CliRunner

from cli.main import detent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
READY_S = 30.0


@dataclass(frozen=True, slots=True)
class Done:
    """How a call ended."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class CommandLine:
    """`detent`, with the environment that it is called in and the directory that it is called from."""

    environ: Mapping[str, str]
    directory: Path

    def __call__(self, *words: str) -> Done:
        """Call it in this process, which saves the second that Python needs to load the SDK."""
        strange = {name: None for name in os.environ if name.startswith(("TEMPORAL_", "DETENT_"))}
        with contextlib.chdir(self.directory):
            result = CliRunner().invoke(detent, words, env={**strange, **self.environ})
        return Done(result.exit_code, result.stdout, result.stderr)

    def json(self, *words: str, code: int = 0) -> Any:  # noqa: ANN401 - whatever JSON it is
        """Call it with `--output json` and parse its answer, after a look at the exit code."""
        done = self(*words, "--output", "json")
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Call it in a process of its own and go on."""
        return subprocess.Popen(
            [sys.executable, "-m", "cli.main", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(self.environ),
            cwd=self.directory,
        )


def environ(address: str, task_queue: str, directory: Path) -> dict[str, str]:
    """An environment in which `detent` finds the test's server and nothing of the person who runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "DETENT_TASK_QUEUE": task_queue,
        "DETENT_BLOBS": str(directory / "blobs"),
        "DETENT_CONFIG": str(directory / "config"),
        "DETENT_WORKSPACE": str(directory / "workspace"),
        "DETENT_SEAL_KEY": base64.b64encode(bytes(range(32))).decode(),
    }


def with_worker(cli: CommandLine, *words: str) -> Iterator[CommandLine]:
    """The command line while a worker polls; for fixtures."""
    reading, writing = os.pipe()
    worker = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "worker", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**cli.environ, "DETENT_READY_FD": str(writing), "DETENT_QUIET": "1"},
        cwd=cli.directory,
        pass_fds=(writing,),
    )
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as ready:
            assert ready.read(1), "the worker did not start"
        yield cli
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(READY_S)


def eventually(look: Callable[[], T], timeout_s: float = 15.0) -> T:
    """The first true thing that `look` returns."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s"
        time.sleep(0.1)
