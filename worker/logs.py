"""Log lines on stderr: plain, one per event, never on stdout."""

from __future__ import annotations

import logging
import sys
import time

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send every log of this process to stderr, times in UTC. What a library says below a warning is left out."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(FORMAT, datefmt="%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    if level > logging.INFO:  # calls that fail are in the run's history
        logging.getLogger("temporalio.activity").setLevel(logging.ERROR)
    for ours in ("worker", "activities", "cli"):
        logging.getLogger(ours).setLevel(level)
