"""The place of large values, tried before anything depends on it."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from activities.blobs_names import claim_name
from activities.blobs_places import open_blobs
from activities.ports import BlobError
from policies.errors import DocumentError, Problem

if TYPE_CHECKING:
    from activities.blobs_places import BlobPlace
    from activities.ports import BlobStore

REMEDY = "make it writable for this user, or set DETENT_BLOBS"
OVERWRITES = (
    "it puts one object in the place of another that it was told not to replace (`If-None-Match: *`), so a key could "
    "be taken twice and an effect happen twice: use a store that honours it"
)


async def why_unusable(place: BlobPlace) -> str | None:
    """Why no value could be kept there, or no key taken once; null where both can."""
    if isinstance(place, Path):
        why = await asyncio.to_thread(why_unwritable, place)
        return None if why is None else f"blobs cannot be written: {why}"
    try:
        return await why_unclaimable(open_blobs(place))
    except BlobError as error:
        return str(error)


def why_unwritable(path: Path) -> str | None:
    """Why no value could be written in a directory, in the system's words; null where one could."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return None


async def why_unclaimable(store: BlobStore) -> str | None:
    """Why a bucket's word on who was first cannot be trusted; null where it can. Raises `BlobError`."""
    key = secrets.token_hex(32)
    try:
        if not await store.claim(key, "trial"):
            return "a key that nobody has taken is taken there: that cannot be"
        return OVERWRITES if await store.claim(key, "trial") else None
    finally:
        with suppress(BlobError):  # whoever may not delete can still work; only the sweep needs it
            await store.remove(claim_name(key), time.time() + 86_400)


def opened(place: BlobPlace) -> BlobStore:
    """The store in a place; `DocumentError` where it cannot even be addressed. Nothing is asked of it yet."""
    try:
        return open_blobs(place)
    except BlobError as error:
        raise DocumentError((Problem("FileError", str(error), "", REMEDY, file=str(place)),)) from error


async def require_blobs(place: BlobPlace) -> None:
    """`DocumentError` where nothing could be kept: each call with a large value would fail, hours later."""
    why = await why_unusable(place)
    if why is not None:
        raise DocumentError((Problem("FileError", why, "", REMEDY, file=str(place)),))
