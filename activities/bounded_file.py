"""Reading a file that somebody named: never without end, whatever it turns out to be."""

from __future__ import annotations

import errno
import os
import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

QUIET_S = 10.0
"""How long a pipe may be silent: its writer may be a slow program, or may never come."""
CHUNK_BYTES = 1024 * 1024


def read_at_most(path: Path, limit: int, quiet_s: float = QUIET_S) -> bytes:
    """The file's first `limit` bytes, and one more if there is more; `OSError` says why it cannot be read.

    A device without end stops at the limit, and a pipe that nobody writes to is a `TimeoutError`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError as error:  # Python's own, before the system is asked
        raise OSError(errno.EINVAL, "a path has no NUL in it", str(path)) from error
    try:
        return _read(descriptor, limit + 1, quiet_s)
    finally:
        os.close(descriptor)


def _read(descriptor: int, wanted: int, quiet_s: float) -> bytes:
    poll = select.poll()  # not `select`, which fails on descriptors over 1,023
    poll.register(descriptor, select.POLLIN)
    data = bytearray()
    while len(data) < wanted:
        if not poll.poll(quiet_s * 1000):
            raise TimeoutError(errno.ETIMEDOUT, f"nothing was written to it for {quiet_s:g} s")
        part = os.read(descriptor, min(wanted - len(data), CHUNK_BYTES))
        if not part:
            break
        data += part
    return bytes(data)
