"""Providers that speak OpenAI's Chat Completions API, through a package that is installed only where it is wanted."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING

from activities.models.endpoint import Endpoint
from activities.models.keyed import Keyed
from activities.models.provider import Ask, Progress, Reply
from activities.models.secret import Secret

if TYPE_CHECKING:
    from activities.models.chat_api import ChatApi

PACKAGE = "openai"


def package_problem() -> tuple[str, str] | None:
    """What is wrong with asking for this provider here, as message and remedy; null if its package is installed."""
    if importlib.util.find_spec(PACKAGE) is not None:
        return None
    message = f"provider `openai` needs the package `{PACKAGE}`, which is not installed where this worker runs"
    return message, "install it there: `pip install 'detent[openai]'`"


class OpenAI:
    """The Chat Completions API at one endpoint, with the key behind one reference (null: no key at all).

    `json_schema`: the endpoint takes a schema as `response_format`; else it is asked for in words.
    """

    def __init__(
        self, endpoint: Endpoint, reference: str | None, environ: Mapping[str, str], *, json_schema: bool = True
    ) -> None:
        self._endpoint, self._json_schema = endpoint, json_schema
        self._client = Keyed(self._open, reference, environ)

    async def complete(self, ask: Ask, progress: Progress) -> Reply:
        """One attempt, streamed."""
        client = await self._client.get(ask.card.alias)
        return await client.send(ask, progress)

    async def close(self) -> None:
        """Close the connections that are kept for the next call."""
        await self._client.close()

    def _open(self, secret: Secret | None) -> ChatApi:
        from activities.models.chat_api import ChatApi  # noqa: PLC0415 - an extra: workers without it never come here

        return ChatApi(self._endpoint, secret, json_schema=self._json_schema)
