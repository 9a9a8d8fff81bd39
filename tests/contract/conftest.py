"""One worker for all tests of the command line, on the run's server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import CommandLine, environ, with_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.server import EmbeddedServer

GRAPHS = Path(__file__).parent / "graphs"


@pytest.fixture(scope="session")
def cli(temporal_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """`detent` with a worker behind it, called from a directory that holds the graphs."""
    directory = tmp_path_factory.mktemp("cli")
    workspace = directory / "workspace"
    workspace.mkdir()
    (workspace / "a.py").write_text("print('a')\n")
    for graph in GRAPHS.glob("*.yaml"):
        (directory / graph.name).write_bytes(graph.read_bytes())
    ours = CommandLine(environ(temporal_server.address, "cli-contract", directory), directory)
    yield from with_worker(ours, "--policy", str(directory / "policy.yaml"))
