"""Files that are on the disk, whole, when they appear under their names."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def replace(target: Path, data: bytes) -> None:
    """Put the data in the place of whatever the file held, whole or not at all."""
    temporary = _write_beside(target, data)
    try:
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def create(target: Path, data: bytes) -> bool:
    """Make a file that must not be there yet; false if it is. A link appears whole, and only one under a name."""
    temporary = _write_beside(target, data)
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(target.parent)
    return True


def refresh(path: Path, size_bytes: int) -> bool:
    """Whether a file of this size is there; then it counts as written now. A wrong size is for the caller to mend."""
    try:
        if path.stat().st_size != size_bytes:
            return False
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def remove_older(path: Path, before_s: float) -> bool:
    """Remove a file that was last written before a time; false if it was written since, or is gone.

    It is taken aside first: whoever refreshes it meanwhile either did so before, and it is put back, or finds nothing
    and writes it anew.
    """
    aside = path if path.name.startswith(".") else _beside(path)
    with suppress(FileNotFoundError):
        if path.stat().st_mtime >= before_s:
            return False
        path.rename(aside)
        if aside.stat().st_mtime < before_s:
            aside.unlink()
            return True
        with suppress(FileExistsError):
            os.link(aside, path)
        aside.unlink()
    return False


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name[:16]}.{secrets.token_hex(8)}")


def _write_beside(target: Path, data: bytes) -> Path:
    """A synced file with the data in the target's directory, which is made if need be."""
    _make_directory(target.parent)
    temporary = _beside(target)
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _make_directory(path: Path) -> None:
    """Make a directory and those above it; each new name is on the disk before anything is put under it."""
    if path.is_dir():
        return
    _make_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
