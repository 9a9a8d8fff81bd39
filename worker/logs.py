"""Log lines on stderr: plain, one per event, never on stdout."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING

from policies.plain_text import plain

if TYPE_CHECKING:
    from activities.redaction import Redactor

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send every log of this process to stderr, times in UTC. What a library says below a warning is left out."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = _Plain(FORMAT, datefmt="%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    if level > logging.INFO:  # calls that fail are in the run's history
        logging.getLogger("temporalio.activity").setLevel(logging.ERROR)
    for ours in ("worker", "activities", "cli"):
        logging.getLogger(ours).setLevel(level)


def redact_logs(redactor: Redactor) -> None:
    """Take secrets out of every line from here on: of the message, its arguments and its traceback."""
    for handler in logging.getLogger().handlers:
        former = handler.formatter or logging.Formatter(FORMAT)
        handler.setFormatter(_Redacting(former.plain if isinstance(former, _Redacting) else former, redactor))


class _Plain(logging.Formatter):
    """Lines that a terminal shows and does not obey; what follows a first line is indented, so that none is forged."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        return plain(super().format(record), "\n").replace("\n", "\n    ")


class _Redacting(logging.Formatter):
    """Another formatter's lines, redacted as they are written: nothing is appended to them afterwards."""

    def __init__(self, plain: logging.Formatter, redactor: Redactor) -> None:
        super().__init__()
        self.plain, self._redactor = plain, redactor

    def format(self, record: logging.LogRecord) -> str:
        """One line, with its traceback if it has one."""
        return self._redactor.text(self.plain.format(record))
