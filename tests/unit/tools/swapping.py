"""An attacker who exchanges two names as fast as the system can, from a process of his own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import ctypes, sys
renameat2 = ctypes.CDLL(None).renameat2
one, other = (argument.encode() for argument in sys.argv[1:])
print(renameat2(-100, one, -100, other, 2), flush=True)
while True:
    renameat2(-100, one, -100, other, 2)
"""


@contextmanager
def exchanging(one: Path, other: Path) -> Iterator[None]:
    """Exchange the names until the block ends."""
    command = [sys.executable, "-c", _PROGRAM, str(one), str(other)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as attacker:
        assert attacker.stdout is not None
        try:
            assert attacker.stdout.readline() == b"0\n"
            yield
        finally:
            attacker.kill()


def for_seconds(duration_s: float) -> Iterator[int]:
    """Count up until the time is over."""
    end = time.monotonic() + duration_s
    count = 0
    while time.monotonic() < end:
        yield count
        count += 1
