"""The blob store in a directory."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from activities.ports import BlobDamaged, BlobError, BlobMissing

_HEX = re.compile(r"[0-9a-f]{64}")
_FOLDER = re.compile(r"(approvals|revoked)/[a-z0-9][a-z0-9-]{0,63}")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DirectoryBlobs:
    """A `BlobStore` in files: `sha256/ab/cdef…` holds bytes, `claims/ab/cdef…` who took a key.

    Records stand as `approvals/<tenant>/<key>` and `revoked/<tenant>/<key>`.

    A file appears under its name only when it is whole and on the disk: written beside it, synced,
    renamed, and the directory synced. Several processes may share one directory.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, data: bytes) -> str:
        """Store the bytes and give their digest."""
        return await asyncio.to_thread(self._put, data)

    async def get(self, digest: str) -> bytes:
        """The bytes of a digest, verified; `BlobMissing` or `BlobDamaged` if they are not to be had."""
        return await asyncio.to_thread(self._get, digest)

    async def claim(self, key: str, owner: str) -> bool:
        """Take a key (64 hex digits) for ever; false if anybody, the same owner too, took it before."""
        return await asyncio.to_thread(self._claim, key, owner)

    async def record(self, folder: str, key: str, data: bytes) -> None:
        """Keep the bytes under a key (64 hex digits) of a folder (`approvals/<tenant>`), in place of what was there."""
        await asyncio.to_thread(self._record, folder, key, data)

    async def records(self, folder: str) -> dict[str, bytes]:
        """Everything in a folder by its key, sorted."""
        return await asyncio.to_thread(self._records, folder)

    def _put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        target = self._path("sha256", digest)
        with self._explained(digest):
            if not _holds(target, len(data)):
                _replace(target, data)
        return digest

    def _record(self, folder: str, key: str, data: bytes) -> None:
        target = self._folder(folder) / _hex(key)
        with self._explained(key):
            _replace(target, data)

    def _records(self, folder: str) -> dict[str, bytes]:
        place = self._folder(folder)
        with self._explained(folder):
            found = sorted(place.iterdir()) if place.is_dir() else []
            return {path.name: path.read_bytes() for path in found if _HEX.fullmatch(path.name)}

    def _folder(self, folder: str) -> Path:
        """Only our own folders, and names of tenants as a policy may have them, become a path."""
        if not _FOLDER.fullmatch(folder):
            raise BlobError(f"`{folder[:80]}` is no folder of records")
        return self._root / folder

    def _get(self, digest: str) -> bytes:
        path = self._path("sha256", digest)
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
        """A link appears whole or not at all, and only one can be made under a name."""
        target = self._path("claims", key)
        with self._explained(key):
            temporary = _write_beside(target, owner.encode())
            try:
                os.link(temporary, target)
            except FileExistsError:
                return False
            finally:
                temporary.unlink(missing_ok=True)
            _sync_directory(target.parent)
        return True

    def _path(self, folder: str, key: str) -> Path:
        """Only hex digits become a path, so no key can lead elsewhere."""
        return self._root / folder / _hex(key)[:2] / key[2:]

    @contextlib.contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"blob store {self._root}: `{key}`: {error.strerror or error}"
            remedy = "free some space there" if error.errno in _FULL else "see that the worker can read and write there"
            raise BlobError(f"{what}; {remedy}") from error


def _hex(key: str) -> str:
    if not _HEX.fullmatch(key):
        raise BlobError(f"`{key[:80]}` is no digest: 64 hex digits are needed")
    return key


def _replace(target: Path, data: bytes) -> None:
    """Put the data in the place of whatever the file held, whole or not at all."""
    temporary = _write_beside(target, data)
    try:
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _holds(path: Path, size_bytes: int) -> bool:
    """Whether the blob is there already. Its bytes are verified whenever they are read; a wrong size is mended now."""
    try:
        return path.stat().st_size == size_bytes
    except FileNotFoundError:
        return False


def _write_beside(target: Path, data: bytes) -> Path:
    """A synced file with the data in the target's directory, which is made if need be."""
    _make_directory(target.parent)
    temporary = target.with_name(f".{target.name[:16]}.{secrets.token_hex(8)}")
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
