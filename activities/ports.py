"""What activities need of the world and the worker provides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


class BlobError(Exception):
    """A blob could not be stored or read; the message says which, why and what to do."""


class BlobMissing(BlobError):
    """Nothing is stored under the digest."""


class BlobDamaged(BlobError):
    """What is stored under the digest does not hash to it."""


class BlobForeign(BlobError):
    """The reference is to content of another tenant."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Something in a store: its name there (`sha256/ab/cd…`), its size, and when it was last put, in UTC seconds."""

    name: str
    size_bytes: int
    put_s: float


class BlobStore(Protocol):
    """Bytes by their own SHA-256 (64 hex digits), keys that are taken once, and records by name.

    Content of a tenant is kept and found under that tenant alone; without one it is a payload of Temporal's external
    storage. Everything is durable when it returns, and safe to do again. All methods raise `BlobError`.
    """

    @property
    def place(self) -> str:
        """Where it is: a path or a URL, for messages."""
        ...

    async def put(self, data: bytes, tenant: str | None = None) -> str:
        """Store the bytes and give their digest. What is there already counts as put now."""
        ...

    async def get(self, digest: str, tenant: str | None = None) -> bytes:
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

    def listing(self, under: str = "") -> AsyncIterator[Stored]:
        """Everything that is stored, or all below one folder, in no order."""
        ...

    async def remove(self, name: str, before_s: float) -> bool:
        """Remove what was last put before a time; false if it has been put since, or is gone. Never a record."""
        ...
