"""One server to a database file: two would take its shards from each other, and runs would stand still."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from worker.start_line import ServerError

if TYPE_CHECKING:
    from pathlib import Path


class DatabaseLock:
    """Holds `FILE.lock` beside a database. The kernel drops it when the process ends, however it ends."""

    def __init__(self, db: Path) -> None:
        self._db = db
        self._descriptor: int | None = None

    def take(self) -> None:
        """Make the directory and take the lock, if it is not ours yet; `ServerError` if that cannot be."""
        if self._descriptor is not None:
            return
        try:
            self._db.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(f"{self._db}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            message = f"the database `{self._db}` cannot be made: {(error.strerror or str(error)).lower()}"
            raise ServerError(f"{message}; name another file with `--db`") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            message = f"another server works on the database `{self._db}`: use that one, or name another with `--db`"
            raise ServerError(message) from error
        self._descriptor = descriptor

    def drop(self) -> None:
        """Give the lock back; the file stays, because somebody may be waiting to take it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
