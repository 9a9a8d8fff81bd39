"""Files that somebody named: a reader that never waits or reads for ever."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from activities.bounded_file import read_at_most


def test_it_reads_a_file_whole_or_one_byte_over_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 10)
    assert read_at_most(file, 10) == b"x" * 10
    assert read_at_most(file, 4) == b"x" * 5
    assert read_at_most(Path("/dev/null"), 4) == b""


def test_it_stops_at_the_limit_of_a_device_without_end() -> None:
    assert len(read_at_most(Path("/dev/zero"), 3_000_000)) == 3_000_001


def test_it_gives_up_on_a_pipe_that_nobody_writes_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TimeoutError, match="nothing was written"):
        read_at_most(tmp_path / "pipe", 10, quiet_s=0.05)


def test_it_waits_for_a_pipe_that_somebody_writes_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"late" * 100_000,))
    writer.start()
    assert read_at_most(pipe, 1_000_000) == b"late" * 100_000
    writer.join()


@pytest.mark.parametrize("name", ["directory", "loop", "gone", "a\0b"])
def test_what_cannot_be_read_is_an_os_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match=r"\w"):
        read_at_most(tmp_path / name, 10)
