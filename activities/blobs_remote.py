"""The blob store in a bucket: S3, Google Cloud Storage, Azure, or this process's memory."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError

from activities.blobs_names import claim_name, content_name, is_hex, record_folder, record_name, removable_name
from activities.ports import BlobDamaged, BlobError, BlobMissing, Stored

if TYPE_CHECKING:
    from obstore.store import ObjectStore

AT_ONCE = 16
WORDS_MOST = 300
REMEDY = "see that the store is up and can be reached from here"
NO_CREDENTIALS = "give this process credentials that may read, write, list and delete there (docs/operations.md)"


class ObjectBlobs:
    """A `BlobStore` of objects, named as `activities.blobs_names` says, below the prefix that the store has.

    An object appears whole or not at all, and is durable once the store has said so. `place` is its URL.
    """

    def __init__(self, store: ObjectStore, place: str) -> None:
        self._store = store
        self._place = place

    @property
    def place(self) -> str:
        """The URL."""
        return self._place

    async def put(self, data: bytes, tenant: str | None = None) -> str:
        """Store the bytes and give their digest. It is always written: that is how it counts as put now."""
        digest = hashlib.sha256(data).hexdigest()
        await self._write(content_name(digest, tenant), data)
        return digest

    async def get(self, digest: str, tenant: str | None = None) -> bytes:
        """The bytes of a digest, verified; `BlobMissing` or `BlobDamaged` if they are not to be had."""
        data = await self._read(content_name(digest, tenant))
        if data is None:
            message = f"blob `{digest}` is not in {self._place}: use the blob store that the run was started with"
            raise BlobMissing(message)
        if hashlib.sha256(data).hexdigest() != digest:
            raise BlobDamaged(f"blob `{digest}` in {self._place} is damaged: restore the object from a backup")
        return data

    async def claim(self, key: str, owner: str) -> bool:
        """Take a key (64 hex digits) for ever; false if anybody, the same owner too, took it before.

        The client repeats a request whose answer was lost, and then finds what it wrote itself: a mark tells.
        """
        name, mark = claim_name(key), f"{owner}\n{secrets.token_hex(16)}".encode()
        try:
            with self._explained(key):
                await obstore.put_async(self._store, name, mark, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return await self._read(name) == mark
        return True

    async def record(self, folder: str, key: str, data: bytes) -> None:
        """Keep the bytes under a key (64 hex digits) of a folder (`approvals/<tenant>`), in place of what was there."""
        await self._write(record_name(folder, key), data)

    async def records(self, folder: str) -> dict[str, bytes]:
        """Everything in a folder by its key, sorted."""
        under = record_folder(folder) + "/"
        keys = sorted([found.name.removeprefix(under) async for found in self.listing(under)])
        slots = asyncio.Semaphore(AT_ONCE)

        async def read(key: str) -> bytes | None:
            async with slots:
                return await self._read(under + key)

        kept = [key for key in keys if is_hex(key)]
        found = await asyncio.gather(*map(read, kept))
        return {key: data for key, data in zip(kept, found, strict=True) if data is not None}

    async def listing(self, under: str = "") -> AsyncIterator[Stored]:
        """Everything that is stored, or all below one folder, in no order."""
        with self._explained(under or "/"):
            async for batch in obstore.list(self._store, under or None):
                for meta in batch:
                    yield Stored(meta["path"], meta["size"], meta["last_modified"].timestamp())

    async def remove(self, name: str, before_s: float) -> bool:
        """Remove what was last put before a time; false if it has been put since, or is gone. Never a record."""
        removable_name(name)
        with self._explained(name):
            try:
                meta = await obstore.head_async(self._store, name)
            except FileNotFoundError:
                return False
            if meta["last_modified"].timestamp() >= before_s:
                return False
            await obstore.delete_async(self._store, name)
        return True

    async def _write(self, name: str, data: bytes) -> None:
        with self._explained(name):
            await obstore.put_async(self._store, name, data, use_multipart=False)

    async def _read(self, name: str) -> bytes | None:
        with self._explained(name):
            try:
                found = await obstore.get_async(self._store, name)
                return bytes(await found.bytes_async())
            except FileNotFoundError:
                return None

    @contextlib.contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except AlreadyExistsError:
            raise
        except (BaseError, OSError, ValueError) as error:
            remedy = NO_CREDENTIALS if _is_refusal(error) else REMEDY
            raise BlobError(f"blob store {self._place}: `{name}`: {_words(error)}; {remedy}") from error


def _is_refusal(error: Exception) -> bool:
    """Whether the store does not let us. Of a listing that is refused only the words say so."""
    refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    return refused or any(status in str(error) for status in ("403 Forbidden", "401 Unauthorized"))


def _words(error: Exception) -> str:
    """The first line of what the client says; below it stand the innards of its errors."""
    return str(error).strip().partition("\n")[0][:WORDS_MOST].rstrip(". ") or type(error).__name__
