"""A provider's client, opened at the first call with the key behind a reference."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from activities.models import failures
from activities.models.secret import Secret, resolve


class Client(Protocol):
    """Something that holds connections."""

    async def close(self) -> None:
        """Close them."""
        ...


C = TypeVar("C", bound=Client)


class Keyed(Generic[C]):
    """Opens a client when it is first asked for. `reference` names its key; null: it needs none."""

    def __init__(
        self, open_client: Callable[[Secret | None], C], reference: str | None, env: Mapping[str, str]
    ) -> None:
        self._open, self._reference, self._environ = open_client, reference, env
        self._opening = asyncio.Lock()
        self._client: C | None = None

    async def get(self, alias: str) -> C:
        """The client. A missing key is an error of the operator's to mend, found before anything is sent."""
        secret = self._key(alias)
        async with self._opening:
            if self._client is None:
                # In a thread: the SDKs take over a second to import.
                self._client = await asyncio.to_thread(self._open, secret)
        return self._client

    async def close(self) -> None:
        """Close the connections that are kept for the next call."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _key(self, alias: str) -> Secret | None:
        if self._reference is None:
            return None
        secret = resolve(self._reference, self._environ)
        if secret is None:
            remedy = "set the variable where the worker runs, and start the worker again"
            raise failures.credential_missing(alias, f"no key in `{self._reference}`: {remedy}")
        if not (secret.value.isascii() and secret.value.isprintable()):
            raise failures.credential_missing(
                alias, f"`{self._reference}` holds more than a key: characters no header takes"
            )
        return secret
