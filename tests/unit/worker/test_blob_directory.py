"""A worker that could not keep a large value, or take a key once, does not start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policies.errors import DocumentError
from tests.support.s3_server import Bucket, s3_server
from worker.blob_directory import opened, require_blobs, why_unwritable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(name="bucket")
def make_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with s3_server() as bucket:
        for name, value in bucket.environ().items():
            monkeypatch.setenv(name, value)
        yield bucket


async def test_a_directory_is_made_and_left_empty(tmp_path: Path) -> None:
    await require_blobs(tmp_path / "blobs")
    assert list((tmp_path / "blobs").iterdir()) == []


async def test_a_place_that_cannot_hold_a_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    blobs = tmp_path / "file" / "blobs"
    assert why_unwritable(blobs) == "not a directory"
    with pytest.raises(DocumentError, match="blobs cannot be written: not a directory; make it writable"):
        await require_blobs(blobs)


async def test_a_bucket_is_tried_and_left_empty(bucket: Bucket) -> None:
    await require_blobs(f"s3://tried-{bucket.port}/p")
    assert bucket.objects == {}
    await require_blobs("memory://")


async def test_a_bucket_in_which_a_key_could_be_taken_twice_is_refused(bucket: Bucket) -> None:
    bucket.overwrites = True
    with pytest.raises(DocumentError, match="a key could be taken twice and an effect happen twice"):
        await require_blobs(f"s3://careless-{bucket.port}/p")


async def test_a_bucket_that_refuses_is_told_before_anything_runs(bucket: Bucket) -> None:
    bucket.refuse = 403
    with pytest.raises(DocumentError, match="give this process credentials"):
        await require_blobs(f"s3://refusing-{bucket.port}/p")


def test_a_bucket_that_cannot_even_be_addressed_is_a_problem_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(DocumentError, match="blob store az://addressless/p"):
        opened("az://addressless/p")
