"""What every blob store does alike: in a directory, in memory, and in S3."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
from obstore.store import MemoryStore, S3Store

from activities.blobs import DirectoryBlobs
from activities.blobs_remote import ObjectBlobs
from activities.ports import BlobDamaged, BlobError, BlobMissing, BlobStore, Stored
from tests.support.s3_server import s3_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "ab" * 32
FUTURE_S = 4_000_000_000.0


class Place(NamedTuple):
    """A store, a way to write behind its back, and one to make all that it has old."""

    store: BlobStore
    damage: Callable[[str, bytes], None]
    age: Callable[[], None]


@pytest.fixture(name="place", params=["directory", "memory", "s3"])
def make_place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if request.param == "directory":
        yield Place(DirectoryBlobs(tmp_path), lambda name, data: _write(tmp_path / name, data), lambda: _age(tmp_path))
    elif request.param == "memory":
        memory = MemoryStore()
        yield Place(ObjectBlobs(memory, "memory://"), lambda name, data: _put(memory, name, data), lambda: None)
    else:
        with s3_server() as bucket:
            for name, value in bucket.environ().items():
                monkeypatch.setenv(name, value)
            bare: S3Store = S3Store.from_url(f"s3://bucket-{bucket.port}/some/prefix")
            store = ObjectBlobs(bare, "s3://bucket/some/prefix")
            yield Place(store, lambda name, data: _put(bare, name, data), lambda: bucket.age(days=40))


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _put(store: MemoryStore | S3Store, name: str, data: bytes) -> None:
    store.put(name, data)


def _age(root: Path) -> None:
    for path in root.rglob("*"):
        os.utime(path, (1, 1))


async def names(store: BlobStore, under: str = "") -> list[str]:
    return sorted([found.name async for found in store.listing(under)])


async def test_bytes_are_found_by_their_digest(place: Place) -> None:
    for data in (b"", b"abc", bytes(range(256)) * 30_000):
        digest = await place.store.put(data)
        assert digest == hashlib.sha256(data).hexdigest()
        assert await place.store.get(digest) == data
        assert await place.store.put(data) == digest


async def test_payloads_lie_where_they_always_lay_and_content_under_its_tenant(place: Place) -> None:
    digest = await place.store.put(b"x")
    spread = f"sha256/{digest[:2]}/{digest[2:]}"
    assert await names(place.store) == [spread]
    await place.store.put(b"x", "acme")
    assert await names(place.store) == [spread, f"tenants/acme/{spread}"]
    assert await names(place.store, "tenants/acme/") == [f"tenants/acme/{spread}"]
    assert await names(place.store, "tenants/other/") == []


async def test_content_of_a_tenant_is_found_under_that_tenant_alone(place: Place) -> None:
    digest = await place.store.put(b"secret plan", "acme")
    assert await place.store.get(digest, "acme") == b"secret plan"
    for tenant in (None, "other"):
        with pytest.raises(BlobMissing, match=f"blob `{digest}` is not in .*: use the blob store that"):
            await place.store.get(digest, tenant)


@pytest.mark.parametrize("tenant", ["", "../acme", "acme/../other", "Acme", ".", "a" * 65, "acme\n"])
async def test_tenant_that_no_policy_can_have_never_becomes_a_path(place: Place, tenant: str) -> None:
    with pytest.raises(BlobError, match="is no name of a tenant"):
        await place.store.put(b"x", tenant)
    with pytest.raises(BlobError, match="is no name of a tenant"):
        await place.store.get(KEY, tenant)
    assert await names(place.store) == []


async def test_damaged_blob_is_never_given_out(place: Place) -> None:
    digest = await place.store.put(b"true")
    place.damage(f"sha256/{digest[:2]}/{digest[2:]}", b"lies")
    with pytest.raises(BlobDamaged, match="is damaged: restore"):
        await place.store.get(digest)


@pytest.mark.parametrize("key", ["", "../../etc/passwd", KEY[:-1], KEY.upper(), KEY + "\n", "\0" * 64])
async def test_key_that_is_no_digest_never_becomes_a_name(place: Place, key: str) -> None:
    for use in (place.store.get(key), place.store.claim(key, "me"), place.store.record("approvals/acme", key, b"")):
        with pytest.raises(BlobError, match="is no digest"):
            await use
    assert await names(place.store) == []


async def test_key_is_taken_once_whoever_asks(place: Place) -> None:
    taken = await asyncio.gather(*(place.store.claim(KEY, f"{number}") for number in range(20)))
    assert taken.count(True) == 1
    assert not await place.store.claim(KEY, "0")
    assert await place.store.claim("cd" * 32, "0")
    assert len(await names(place.store)) == 2  # nothing temporary stays


async def test_records_are_replaced_and_read_by_folder(place: Place) -> None:
    keys = [hashlib.sha256(bytes([number])).hexdigest() for number in range(8)]
    for key in keys:
        await place.store.record("approvals/acme", key, b"old")
    await place.store.record("approvals/acme", keys[0], b"new")
    await place.store.record("approvals/acme-two", KEY, b"other")
    found = await place.store.records("approvals/acme")
    assert found == {key: b"new" if key == keys[0] else b"old" for key in sorted(keys)}
    assert await place.store.records("revoked/acme") == {}


@pytest.mark.parametrize("folder", ["approvals", "claims/ab", "approvals/../sha256", "approvals/acme/..", "sha256/ab"])
async def test_no_folder_comes_from_outside(place: Place, folder: str) -> None:
    for use in (place.store.record(folder, KEY, b"x"), place.store.records(folder)):
        with pytest.raises(BlobError, match="is no folder of records"):
            await use


async def test_listing_tells_size_and_time_of_everything(place: Place) -> None:
    before_s = time.time() - 2
    for number in range(10):
        await place.store.put(bytes(number + 1), "acme")
    found: list[Stored] = [one async for one in place.store.listing()]
    assert sorted(one.size_bytes for one in found) == list(range(1, 11))
    assert all(before_s < one.put_s < time.time() + 2 for one in found)


async def test_only_what_was_put_before_a_time_is_removed(place: Place) -> None:
    digest = await place.store.put(b"x", "acme")
    (name,) = await names(place.store)
    assert not await place.store.remove(name, before_s=1.0)
    assert await place.store.get(digest, "acme") == b"x"
    assert await place.store.remove(name, FUTURE_S)
    assert not await place.store.remove(name, FUTURE_S)
    assert await names(place.store) == []


@pytest.mark.parametrize("place", ["directory", "s3"], indirect=True)  # what memory holds cannot be made old
async def test_what_is_put_again_is_as_young_as_new(place: Place) -> None:
    digest = await place.store.put(b"x", "acme")
    place.age()
    (old,) = [one.put_s async for one in place.store.listing()]
    assert old < time.time() - 86_400
    await place.store.put(b"x", "acme")
    (name,) = await names(place.store)
    assert not await place.store.remove(name, time.time() - 86_400)
    assert await place.store.get(digest, "acme") == b"x"


async def test_what_people_decided_and_what_is_not_ours_is_never_removed(place: Place) -> None:
    await place.store.record("revoked/acme", KEY, b"x")
    for name in (f"revoked/acme/{KEY}", "../elsewhere", "sha256", f"sha256/{KEY[:2]}/../{KEY[2:]}"):
        with pytest.raises(BlobError, match="is nothing that is ever removed"):
            await place.store.remove(name, FUTURE_S)
    assert await names(place.store) == [f"revoked/acme/{KEY}"]
