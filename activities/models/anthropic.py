"""The Anthropic provider: finds its key when it is called, and opens the SDK only then."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from activities.models import failures
from activities.models.endpoint import Endpoint
from activities.models.provider import Ask, Progress, Reply
from activities.models.secret import Secret, resolve

if TYPE_CHECKING:
    from activities.models.messages_api import MessagesApi


class Anthropic:
    """Anthropic's Messages API at one endpoint, with the key behind one reference (null: no key at all)."""

    def __init__(self, endpoint: Endpoint, reference: str | None, environ: Mapping[str, str]) -> None:
        self._endpoint, self._reference, self._environ = endpoint, reference, environ
        self._opening = asyncio.Lock()
        self._api: MessagesApi | None = None

    async def complete(self, ask: Ask, progress: Progress) -> Reply:
        """One attempt, streamed. A missing key is an error of the operator's to mend, found before anything is sent."""
        secret = self._key(ask.card.alias)
        async with self._opening:
            if self._api is None:
                self._api = await asyncio.to_thread(_open, self._endpoint, secret)
        return await self._api.send(ask, progress)

    async def close(self) -> None:
        """Close the connections that are kept for the next call."""
        api, self._api = self._api, None
        if api is not None:
            await api.close()

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


def _open(endpoint: Endpoint, secret: Secret | None) -> MessagesApi:
    from activities.models.messages_api import MessagesApi  # noqa: PLC0415 - the SDK takes over a second to import, which runs without it need not wait for

    return MessagesApi(endpoint, secret)
