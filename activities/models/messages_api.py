"""A client of Anthropic's Messages API: one request out, its stream in, the SDK's errors as ours."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import anthropic
from temporalio.exceptions import ApplicationError

from activities.models import failures
from activities.models.echoes import Echoes
from activities.models.endpoint import Endpoint
from activities.models.messages_options import PLAIN, MessagesOptions
from activities.models.messages_request import COUNTED, request_of
from activities.models.messages_stream import MessagesStream
from activities.models.provider import Ask, Progress, Reply
from activities.models.sdk_errors import connection_failed, status_failed, stream_broke
from activities.models.secret import Secret
from activities.models.stream_text import StreamText
from activities.models.transport import TIMEOUT, ambient_headers, direct

if TYPE_CHECKING:
    from anthropic.types import RawMessageStreamEvent


class MessagesApi:
    """An open client with one key, or with none.

    It follows no redirect and takes no key, address or header from the environment: the SDK would, and a key
    would travel to wherever an answer or a variable points.
    """

    def __init__(self, endpoint: Endpoint, secret: Secret | None, options: MessagesOptions = PLAIN) -> None:
        self._secret, self._options, self._echoes = secret, options, Echoes(secret)
        self._client = anthropic.AsyncAnthropic(
            # Given always: without one the SDK looks for a key in the environment and in the user's files.
            api_key=secret.value if secret else "none",
            base_url=endpoint.url,
            max_retries=0,
            timeout=TIMEOUT,
            default_headers=_headers(secret),  # type: ignore[arg-type] # an `Omit` leaves a header out; the type knows only text
            open_telemetry=False,
            http_client=anthropic.DefaultAsyncHttpxClient(
                follow_redirects=False, timeout=TIMEOUT, mounts=direct(endpoint)
            ),
        )

    async def send(self, ask: Ask, progress: Progress) -> Reply:
        """Send one request and read its stream to the end. Cancelling closes the stream."""
        alias, request = ask.card.alias, request_of(ask, self._options)
        try:
            with warnings.catch_warnings():
                # The operator chose the model and how it thinks; what will be retired one day must not fail a call.
                warnings.simplefilter("ignore")
                opening = self._client.messages.create(stream=True, **request)
            async with await opening as stream:
                return await self._read(stream, ask, progress)
        except ApplicationError:
            raise
        except anthropic.APIStatusError as error:
            words = f"{error.type}: {error.api_message}" if error.api_message else error.message
            raise status_failed(alias, error.response, words, self._echoes) from None
        except anthropic.APIConnectionError as error:
            raise connection_failed(alias, error, self._echoes) from None
        except Exception as error:  # noqa: BLE001 - whatever a broken stream makes the SDK raise, the request has left
            raise stream_broke(alias, error, self._echoes) from None

    async def count(self, ask: Ask) -> int:
        """The provider's own count of a question's tokens."""
        request = request_of(ask, self._options)
        counted = {key: value for key, value in request.items() if key in COUNTED}
        try:
            return (await self._client.messages.count_tokens(**counted)).input_tokens
        except anthropic.APIStatusError as error:
            words = error.api_message or error.message
            raise status_failed(ask.card.alias, error.response, words, self._echoes) from None
        except anthropic.APIConnectionError as error:
            raise connection_failed(ask.card.alias, error, self._echoes) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _read(self, stream: anthropic.AsyncStream[RawMessageStreamEvent], ask: Ask, progress: Progress) -> Reply:
        shown = StreamText(self._secret, progress)
        shown.add("")
        answer = MessagesStream(ask, shown, self._echoes)
        async for event in stream:
            answer.take(event)
        if not answer.is_whole:
            raise failures.maybe_billed(ask.card.alias, "the stream ended before the answer did")
        return answer.reply(stream.response.headers.get("request-id"))


def _headers(secret: Secret | None) -> dict[str, str | anthropic.Omit]:
    """The key, and nothing of what the SDK would send of itself: headers that a variable names, a placeholder."""
    ambient = [name for name in ambient_headers("ANTHROPIC_CUSTOM_HEADERS") if name.lower() != "authorization"]
    left_out = {name: anthropic.Omit() for name in ambient}
    return {**left_out, "Authorization": f"Bearer {secret.value}" if secret else anthropic.Omit()}
