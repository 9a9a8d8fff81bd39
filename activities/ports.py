"""What activities need of the world and the worker provides."""

from __future__ import annotations

from typing import Protocol


class BlobError(Exception):
    """A blob could not be stored or read; the message says which, why and what to do."""


class BlobMissing(BlobError):
    """Nothing is stored under the digest."""


class BlobDamaged(BlobError):
    """What is stored under the digest does not hash to it."""


class BlobStore(Protocol):
    """Bytes by their own SHA-256 (64 hex digits), keys that are taken once, and records by name.

    Everything is durable when it returns, and safe to do again. All methods raise `BlobError`.
    """

    async def put(self, data: bytes) -> str:
        """Store the bytes and give their digest."""
        ...

    async def get(self, digest: str) -> bytes:
        """The bytes of a digest, verified; `BlobMissing` or `BlobDamaged` if they are not to be had."""
        ...

    async def claim(self, key: str, owner: str) -> bool:
        """Take a key (64 hex digits) for ever; false if anybody, the same owner too, took it before."""
        ...

    async def record(self, folder: str, key: str, data: bytes) -> None:
        """Keep the bytes under a key (64 hex digits) of a folder (`approvals/<tenant>`), in place of what was there."""
        ...

    async def records(self, folder: str) -> dict[str, bytes]:
        """Everything in a folder by its key, sorted."""
        ...
