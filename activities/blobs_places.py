"""Where blobs are kept: a directory, or the URL of a bucket, opened as a store."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

from activities.blobs import DirectoryBlobs
from activities.ports import BlobError, BlobStore

if TYPE_CHECKING:
    from obstore.store import ObjectStore, RetryConfig

BlobPlace: TypeAlias = Path | str
"""A path is a directory; text is the URL of a bucket."""

MEMORY = "memory"
SCHEMES = ("s3", "gs", "az", MEMORY)
FORMS = "`s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, `memory://`, or the path of a directory"
RETRY_S, RETRIES = 20, 4


def read_place(text: str) -> BlobPlace:
    """The place that somebody wrote; `ValueError`, with words, for a URL that is none of ours.

    Credentials in a URL would end up in logs and process lists; the store's own environment has them.
    """
    if "://" not in text:
        return Path(text)
    url = urlsplit(text)
    if url.scheme == "file" and not url.netloc:
        return Path(unquote(url.path))
    if url.scheme not in SCHEMES:
        raise ValueError(f"`{url.scheme}://` is no place for blobs: write {FORMS}")
    if "@" in url.netloc or url.query or url.fragment:
        raise ValueError("a URL with credentials or options: leave them out, the store's own environment has them")
    if url.scheme == MEMORY:
        if url.netloc.strip("/") or url.path.strip("/"):
            raise ValueError("memory has no name and no path: write `memory://`")
        return "memory://"
    if not url.netloc:
        raise ValueError(f"the URL names no bucket: write {FORMS}")
    return text.rstrip("/")


def is_memory(place: BlobPlace) -> bool:
    """Whether what is kept there ends with the process."""
    return place == "memory://"


def open_blobs(place: BlobPlace) -> BlobStore:
    """The store in a place. Nothing is asked of it yet; `BlobError` if it cannot even be addressed.

    Directories are written by our own code, which syncs (ADR 0017); whatever is no directory by `obstore`.
    """
    return DirectoryBlobs(place) if isinstance(place, Path) else _open(place)


@lru_cache(maxsize=8)
def _open(url: str) -> BlobStore:
    """One store for each URL, with its connections; of memory there is one for all who ask."""
    from obstore.exceptions import BaseError  # noqa: PLC0415 - 16 MB that directories do not need

    from activities.blobs_remote import NO_CREDENTIALS, ObjectBlobs  # noqa: PLC0415 - see above

    try:
        return ObjectBlobs(_store(url), url)
    except (BaseError, OSError, ValueError) as error:
        raise BlobError(f"blob store {url}: {str(error).partition(chr(10))[0][:300]}; {NO_CREDENTIALS}") from error


def _store(url: str) -> ObjectStore:
    from obstore.store import MemoryStore, from_url  # noqa: PLC0415 - see above

    if is_memory(url):
        return MemoryStore()
    # Options of ours for its connections would put those of the environment (proxies, `AWS_ALLOW_HTTP`) out of force.
    retry: RetryConfig = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_S)}
    store: ObjectStore = from_url(url, retry_config=retry)
    return store
