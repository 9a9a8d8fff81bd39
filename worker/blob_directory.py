"""The directory of large values, tried before anything depends on it."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from policies.errors import DocumentError, Problem

if TYPE_CHECKING:
    from pathlib import Path

REMEDY = "make it writable for this user, or set DETENT_BLOBS"


def why_unwritable(path: Path) -> str | None:
    """Why no value could be written there, in the system's words; null where one could."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return None


def require_blobs(path: Path) -> None:
    """`DocumentError` where the worker could not write: each call with a large value would fail, hours later."""
    why = why_unwritable(path)
    if why is not None:
        raise DocumentError((Problem("FileError", f"blobs cannot be written: {why}", "", REMEDY, file=str(path)),))
