"""What a worker has read of content lately, so that a conversation is not read again for each of its turns."""

from __future__ import annotations

from collections import OrderedDict


class Contents:
    """Bytes by tenant and digest, verified when they were read; the longest unused go when there is too much."""

    def __init__(self, most_bytes: int) -> None:
        self._held: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._most, self._used = most_bytes, 0

    def get(self, tenant: str, digest: str) -> bytes | None:
        """The bytes, if they are at hand."""
        found = self._held.get((tenant, digest))
        if found is not None:
            self._held.move_to_end((tenant, digest))
        return found

    def put(self, tenant: str, digest: str, data: bytes) -> None:
        """Remember them, unless they alone would be too much."""
        if len(data) > self._most or (tenant, digest) in self._held:
            return
        self._held[tenant, digest] = data
        self._used += len(data)
        while self._used > self._most:
            _, oldest = self._held.popitem(last=False)
            self._used -= len(oldest)
