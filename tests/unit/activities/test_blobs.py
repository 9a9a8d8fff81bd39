"""The blob store in a directory."""

from __future__ import annotations

import asyncio
import hashlib
import resource
from pathlib import Path

import pytest

from activities.blobs import DirectoryBlobs
from activities.ports import BlobDamaged, BlobError, BlobMissing

KEY = "ab" * 32


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


async def test_bytes_are_found_by_their_digest(tmp_path: Path) -> None:
    store = DirectoryBlobs(tmp_path / "deep" / "blobs")
    for data in (b"", b"abc", bytes(range(256)) * 10_000):
        digest = await store.put(data)
        assert digest == hashlib.sha256(data).hexdigest()
        assert await store.get(digest) == data


async def test_equal_bytes_are_stored_once(tmp_path: Path) -> None:
    store = DirectoryBlobs(tmp_path)
    digests = await asyncio.gather(*(store.put(b"same") for _ in range(20)))
    assert len(set(digests)) == 1
    assert files(tmp_path) == [f"sha256/{digests[0][:2]}/{digests[0][2:]}"]


async def test_missing_blob_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(BlobMissing, match=f"blob `{KEY}` is not in .*: use the blob store that"):
        await DirectoryBlobs(tmp_path).get(KEY)


async def test_damaged_blob_is_never_given_out(tmp_path: Path) -> None:
    store = DirectoryBlobs(tmp_path)
    digest = await store.put(b"true")
    path = tmp_path / "sha256" / digest[:2] / digest[2:]
    path.write_bytes(b"lies")
    assert path.read_bytes() == b"lies"  # without the check this is what a run would read
    with pytest.raises(BlobDamaged, match="is damaged: restore"):
        await store.get(digest)


async def test_blob_that_a_crash_cut_short_is_mended_by_the_next_put(tmp_path: Path) -> None:
    store = DirectoryBlobs(tmp_path)
    digest = await store.put(b"whole")
    (tmp_path / "sha256" / digest[:2] / digest[2:]).write_bytes(b"wh")
    assert await store.put(b"whole") == digest
    assert await store.get(digest) == b"whole"


@pytest.mark.parametrize(
    "key", ["", "../../etc/passwd", KEY[:-1], KEY.upper(), KEY + "\n", "ab/" + "c" * 61, "\0" * 64]
)
async def test_key_that_is_no_digest_never_becomes_a_path(tmp_path: Path, key: str) -> None:
    store = DirectoryBlobs(tmp_path)
    for use in (store.get(key), store.claim(key, "me")):
        with pytest.raises(BlobError, match="is no digest"):
            await use
    assert files(tmp_path) == []


async def test_key_is_taken_once_whoever_asks(tmp_path: Path) -> None:
    stores = [DirectoryBlobs(tmp_path) for _ in range(4)]
    taken = await asyncio.gather(*(store.claim(KEY, f"{number}") for number in range(10) for store in stores))
    assert taken.count(True) == 1
    assert not await DirectoryBlobs(tmp_path).claim(KEY, "0")
    assert await DirectoryBlobs(tmp_path).claim("cd" * 32, "0")
    assert len(files(tmp_path)) == 2  # nothing temporary stays


async def test_full_disk_is_told_and_nothing_half_is_left(tmp_path: Path) -> None:
    store = DirectoryBlobs(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(BlobError, match=r"blob store .*; free some space there"):
            await store.put(b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(tmp_path) == []
    await store.put(b"x" * 100_000)


async def test_place_that_cannot_be_a_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BlobError, match="see that the worker can read and write there"):
        await DirectoryBlobs(tmp_path / "file").put(b"x")


def test_directories_are_for_the_worker_alone(tmp_path: Path) -> None:
    asyncio.run(DirectoryBlobs(tmp_path / "blobs").put(b"x"))
    assert (tmp_path / "blobs").stat().st_mode & 0o077 == 0
