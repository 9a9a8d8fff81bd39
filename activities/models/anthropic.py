"""The Anthropic provider: finds its key when it is called, and opens the SDK only then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from activities.models.endpoint import Endpoint
from activities.models.keyed import Keyed
from activities.models.messages_options import PLAIN, MessagesOptions
from activities.models.provider import Ask, Progress, Reply
from activities.models.secret import Secret

if TYPE_CHECKING:
    from activities.models.messages_api import MessagesApi


class Anthropic:
    """Anthropic's Messages API at one endpoint, with the key behind one reference (null: no key at all)."""

    def __init__(
        self,
        endpoint: Endpoint,
        reference: str | None,
        environ: Mapping[str, str],
        options: MessagesOptions = PLAIN,
    ) -> None:
        self._endpoint, self._options = endpoint, options
        self._client = Keyed(self._open, reference, environ)

    async def complete(self, ask: Ask, progress: Progress) -> Reply:
        """One attempt, streamed."""
        client = await self._client.get(ask.card.alias)
        return await client.send(ask, progress)

    async def count_tokens(self, ask: Ask) -> int:
        """How many input tokens the provider counts in a question. Free of charge, and no part of a run."""
        client = await self._client.get(ask.card.alias)
        return await client.count(ask)

    async def close(self) -> None:
        """Close the connections that are kept for the next call."""
        await self._client.close()

    def _open(self, secret: Secret | None) -> MessagesApi:
        from activities.models.messages_api import MessagesApi  # noqa: PLC0415 - the SDK takes over a second to import, which runs without it need not wait for

        return MessagesApi(self._endpoint, secret, self._options)
