"""The blob store in a directory."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from activities.blobs_names import claim_name, content_name, is_hex, record_folder, record_name, removable_name
from activities.ports import BlobDamaged, BlobError, BlobMissing, Stored
from activities.synced_files import create, refresh, remove_older, replace

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DirectoryBlobs:
    """A `BlobStore` in files, which lie as `activities.blobs_names` says.

    A file appears under its name only when it is whole and on the disk: written beside it, synced,
    renamed, and the directory synced. Several processes may share one directory.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def place(self) -> str:
        """The directory."""
        return str(self._root)

    async def put(self, data: bytes, tenant: str | None = None) -> str:
        """Store the bytes and give their digest. What is there already counts as put now."""
        return await asyncio.to_thread(self._put, data, tenant)

    async def get(self, digest: str, tenant: str | None = None) -> bytes:
        """The bytes of a digest, verified; `BlobMissing` or `BlobDamaged` if they are not to be had."""
        return await asyncio.to_thread(self._get, digest, tenant)

    async def claim(self, key: str, owner: str) -> bool:
        """Take a key (64 hex digits) for ever; false if anybody, the same owner too, took it before."""
        return await asyncio.to_thread(self._claim, key, owner)

    async def record(self, folder: str, key: str, data: bytes) -> None:
        """Keep the bytes under a key (64 hex digits) of a folder (`approvals/<tenant>`), in place of what was there."""
        await asyncio.to_thread(self._record, folder, key, data)

    async def records(self, folder: str) -> dict[str, bytes]:
        """Everything in a folder by its key, sorted."""
        return await asyncio.to_thread(self._records, folder)

    async def listing(self, under: str = "") -> AsyncIterator[Stored]:
        """Everything that is stored, or all below one folder, in no order."""
        for found in await asyncio.to_thread(self._listing, under):
            yield found

    async def remove(self, name: str, before_s: float) -> bool:
        """Remove what was last put before a time; false if it has been put since, or is gone. Never a record."""
        path = self._root / removable_name(name)
        with self._explained(name):
            return await asyncio.to_thread(remove_older, path, before_s)

    def _put(self, data: bytes, tenant: str | None) -> str:
        digest = hashlib.sha256(data).hexdigest()
        target = self._root / content_name(digest, tenant)
        with self._explained(digest):
            if not refresh(target, len(data)):
                replace(target, data)
        return digest

    def _get(self, digest: str, tenant: str | None) -> bytes:
        path = self._root / content_name(digest, tenant)
        with self._explained(digest):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                message = f"blob `{digest}` is not in {self._root}: use the blob store that the run was started with"
                raise BlobMissing(message) from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise BlobDamaged(f"blob `{digest}` in {self._root} is damaged: restore the file from a backup")
        return data

    def _claim(self, key: str, owner: str) -> bool:
        target = self._root / claim_name(key)
        with self._explained(key):
            return create(target, owner.encode())

    def _record(self, folder: str, key: str, data: bytes) -> None:
        target = self._root / record_name(folder, key)
        with self._explained(key):
            replace(target, data)

    def _records(self, folder: str) -> dict[str, bytes]:
        place = self._root / record_folder(folder)
        with self._explained(folder):
            found = sorted(place.iterdir()) if place.is_dir() else []
            return {path.name: path.read_bytes() for path in found if is_hex(path.name)}

    def _listing(self, under: str) -> list[Stored]:
        found = []
        with self._explained(under or "/"):
            for folder, _, names in os.walk(self._root / under, onerror=_unless_absent):
                for name in names:
                    path = Path(folder, name)
                    with contextlib.suppress(FileNotFoundError):  # removed, or finished, since it was seen
                        seen = path.stat()
                        found.append(Stored(str(path.relative_to(self._root)), seen.st_size, seen.st_mtime))
        return found

    @contextlib.contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"blob store {self._root}: `{key}`: {error.strerror or error}"
            remedy = "free some space there" if error.errno in _FULL else "see that the worker can read and write there"
            raise BlobError(f"{what}; {remedy}") from error


def _unless_absent(error: OSError) -> None:
    """A folder that nothing was put in is empty; any other that cannot be read must not look so."""
    if not isinstance(error, FileNotFoundError):
        raise error
