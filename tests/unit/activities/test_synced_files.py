"""A file that is used again while it is removed stays."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from activities.synced_files import create, refresh, remove_older, replace

if TYPE_CHECKING:
    from pathlib import Path

NOW_S = 2_000_000_000.0


def old(path: Path, data: bytes = b"x") -> Path:
    replace(path, data)
    os.utime(path, (1, 1))
    return path


def test_what_is_old_goes_and_leaves_nothing(tmp_path: Path) -> None:
    assert remove_older(old(tmp_path / "a"), NOW_S)
    assert list(tmp_path.iterdir()) == []
    assert not remove_older(tmp_path / "a", NOW_S)


def test_what_a_crash_left_half_done_goes_too(tmp_path: Path) -> None:
    assert remove_older(old(tmp_path / ".0123456789abcdef.0123456789abcdef"), NOW_S)
    assert list(tmp_path.iterdir()) == []


def test_refreshed_file_stays(tmp_path: Path) -> None:
    path = old(tmp_path / "a")
    assert refresh(path, 1)
    assert not refresh(path, 2)
    assert not refresh(tmp_path / "b", 1)
    assert not remove_older(path, path.stat().st_mtime)
    assert not create(path, b"y")


def test_whoever_puts_while_another_removes_finds_it_afterwards(tmp_path: Path) -> None:
    """A put either refreshes the file in time, or writes it anew."""
    path = tmp_path / "a"
    for _ in range(50):
        old(path)
        limit_s = 100.0  # younger than what `old` makes, older than whatever is put now
        remover = threading.Thread(target=remove_older, args=(path, limit_s))
        remover.start()
        if not refresh(path, 1):
            replace(path, b"x")
        remover.join()
        assert path.read_bytes() == b"x"
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
