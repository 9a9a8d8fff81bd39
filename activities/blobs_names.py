"""Where things lie in a blob store, the same in a directory and in a bucket.

`sha256/ab/cd…` are payloads of Temporal's external storage, `tenants/<tenant>/sha256/ab/cd…` content of a tenant,
`claims/ab/cd…` keys that were taken, `approvals/<tenant>/<key>`, `revoked/<tenant>/<key>` and `namespaces/all/<key>`
records.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from activities.ports import BlobError

Kind: TypeAlias = Literal["payload", "content", "claim", "record", "unfinished"]

NAMESPACES = "namespaces/all"
"""The folder that says which namespaces keep their payloads here."""
_HEX = re.compile(r"[0-9a-f]{64}")
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_FOLDER = re.compile(r"(approvals|revoked|namespaces)/[a-z0-9][a-z0-9-]{0,63}")
_SPREAD = r"([0-9a-f]{2})/([0-9a-f]{62})"
_PLACES: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("payload", re.compile(rf"sha256/(?P<tenant>){_SPREAD}")),
    ("content", re.compile(rf"tenants/(?P<tenant>[a-z0-9][a-z0-9-]{{0,63}})/sha256/{_SPREAD}")),
    ("claim", re.compile(rf"claims/(?P<tenant>){_SPREAD}")),
    ("record", re.compile(r"(?:approvals|revoked|namespaces)/(?P<tenant>[^/]+)/([0-9a-f]{64})()")),
    ("unfinished", re.compile(r"(?:.*/)?\.(?P<tenant>)([0-9a-f]{16})(\.[0-9a-f]{16})")),
)


@dataclass(frozen=True, slots=True)
class Named:
    """What a name in the store is of. `key` is the digest or key; `tenant` is empty where there is none."""

    kind: Kind
    tenant: str
    key: str


def named(name: str) -> Named | None:
    """What a name is of; null for what we never wrote."""
    for kind, form in _PLACES:
        found = form.fullmatch(name)
        if found is not None:
            return Named(kind, found["tenant"], found[2] + found[3])
    return None


def content_name(digest: str, tenant: str | None) -> str:
    """Where bytes lie. Only hex digits and names that a policy may have become a path, so none can lead elsewhere."""
    key = require_hex(digest)
    folder = "sha256" if tenant is None else f"{tenant_folder(tenant)}sha256"
    return f"{folder}/{key[:2]}/{key[2:]}"


def claim_name(key: str) -> str:
    """Where a claim lies."""
    return f"claims/{require_hex(key)[:2]}/{key[2:]}"


def record_folder(folder: str) -> str:
    """A folder of records; only our own."""
    if not _FOLDER.fullmatch(folder):
        raise BlobError(f"`{folder[:80]}` is no folder of records")
    return folder


def record_name(folder: str, key: str) -> str:
    """Where a record lies."""
    return f"{record_folder(folder)}/{require_hex(key)}"


def is_tenant(tenant: str) -> bool:
    """Whether a policy may have a tenant of this name."""
    return _TENANT.fullmatch(tenant) is not None


def tenant_folder(tenant: str) -> str:
    """The folder of a tenant's content, with a slash at its end."""
    if not is_tenant(tenant):
        raise BlobError(f"`{tenant[:80]}` is no name of a tenant")
    return f"tenants/{tenant}/"


def removable_name(name: str) -> str:
    """A name that may be removed: records are what people decided, and stay."""
    found = named(name)
    if found is None or found.kind == "record":
        raise BlobError(f"`{name[:200]}` is nothing that is ever removed")
    return name


def is_hex(key: str) -> bool:
    """Whether this is a digest or key: 64 hex digits."""
    return _HEX.fullmatch(key) is not None


def require_hex(key: str) -> str:
    """A digest or key as it is; `BlobError` for anything else."""
    if not is_hex(key):
        raise BlobError(f"`{key[:80]}` is no digest: 64 hex digits are needed")
    return key
