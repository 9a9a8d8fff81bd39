"""A worker that could not keep a large value does not start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policies.errors import DocumentError
from worker.blob_directory import require_blobs, why_unwritable

if TYPE_CHECKING:
    from pathlib import Path


def test_a_directory_is_made_and_left_empty(tmp_path: Path) -> None:
    require_blobs(tmp_path / "blobs")
    assert list((tmp_path / "blobs").iterdir()) == []


def test_a_place_that_cannot_hold_a_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    blobs = tmp_path / "file" / "blobs"
    assert why_unwritable(blobs) == "not a directory"
    with pytest.raises(DocumentError, match="blobs cannot be written: not a directory; make it writable"):
        require_blobs(blobs)
