"""A bucket's failures in words, and its places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from obstore.store import from_url

from activities.blobs import DirectoryBlobs
from activities.blobs_places import open_blobs, read_place
from activities.blobs_remote import ObjectBlobs
from activities.ports import BlobError
from tests.support.s3_server import Bucket, s3_server

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "ab" * 32


@pytest.fixture(name="bucket")
def make_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with s3_server() as bucket:
        for name, value in bucket.environ().items():
            monkeypatch.setenv(name, value)
        yield bucket


async def test_claim_whose_answer_was_lost_is_still_the_claimant_s(bucket: Bucket) -> None:
    store = open_blobs(f"s3://lossy-{bucket.port}")
    bucket.lose = 1
    assert await store.claim(KEY, "me")
    assert not await store.claim(KEY, "me")
    assert [request.partition(" ")[0] for request in bucket.requests] == ["PUT", "PUT", "GET", "PUT", "GET"]


async def test_what_the_store_refuses_is_told_with_what_to_do_and_without_credentials(bucket: Bucket) -> None:
    store = open_blobs(f"s3://closed-{bucket.port}/deep")
    bucket.refuse = 403
    for use in (store.put(b"x"), store.get(KEY), store.claim(KEY, "me"), store.records("revoked/acme")):
        with pytest.raises(BlobError, match=rf"blob store s3://closed-{bucket.port}/deep: .*give this process") as told:
            await use
        assert "test-secret-value" not in str(told.value)
        assert "\n" not in str(told.value)
    with pytest.raises(BlobError, match="give this process credentials"):
        [found async for found in store.listing()]


async def test_store_that_is_not_there_is_told(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    store = from_url(f"s3://absent-{bucket.port}", retry_config={"max_retries": 0})
    with pytest.raises(BlobError, match="see that the store is up and can be reached from here"):
        await ObjectBlobs(store, "s3://absent").put(b"x")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("blobs", Path("blobs")),
        ("/var/blobs", Path("/var/blobs")),
        ("file:///var/my%20blobs", Path("/var/my blobs")),
        ("s3://bucket/pre/fix/", "s3://bucket/pre/fix"),
        ("gs://bucket", "gs://bucket"),
        ("az://container/prefix", "az://container/prefix"),
        ("memory://", "memory://"),
        ("memory:///", "memory://"),
    ],
)
def test_place_is_a_path_or_a_url(text: str, place: Path | str) -> None:
    assert read_place(text) == place


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ftp://host/x", "`ftp://` is no place for blobs: write `s3://bucket/prefix`"),
        ("http://host/x", "is no place for blobs"),
        ("s3:///x", "names no bucket"),
        ("s3://key:secret@bucket/x", "credentials"),
        ("s3://bucket/x?endpoint=y", "credentials or options"),
        ("memory://name", "memory has no name"),
    ],
)
def test_url_that_is_no_place_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_place(text)


@pytest.mark.parametrize("url", ["s3://bucket/p", "gs://bucket/p", "az://container/p"])
def test_every_kind_of_bucket_is_opened_without_asking_it(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    assert open_blobs(url).place == url
    assert isinstance(open_blobs(tmp_path), DirectoryBlobs)


def test_bucket_that_cannot_be_addressed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(BlobError, match=r"blob store az://nobody/p: .*give this process"):
        open_blobs("az://nobody/p")


async def test_memory_is_one_for_all_who_ask() -> None:
    digest = await open_blobs("memory://").put(b"shared")
    assert await open_blobs("memory://").get(digest) == b"shared"
