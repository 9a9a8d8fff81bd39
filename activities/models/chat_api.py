"""A client of OpenAI's Chat Completions API: one request out, its stream in, the SDK's errors as ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
from temporalio.exceptions import ApplicationError

from activities.models import failures
from activities.models.chat_request import request_of
from activities.models.chat_stream import ChatStream
from activities.models.echoes import Echoes
from activities.models.endpoint import Endpoint
from activities.models.provider import Ask, Progress, Reply
from activities.models.sdk_errors import connection_failed, status_failed, stream_broke
from activities.models.secret import Secret
from activities.models.stream_text import StreamText
from activities.models.transport import TIMEOUT, ambient_headers, direct

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk


class ChatApi:
    """An open client with one key, or with none.

    It follows no redirect and takes no key, address, header or account from the environment: the SDK would, and
    they would travel to wherever an answer or a variable points.
    """

    def __init__(self, endpoint: Endpoint, secret: Secret | None, *, json_schema: bool = True) -> None:
        self._endpoint, self._secret, self._json_schema = endpoint, secret, json_schema
        self._echoes = Echoes(secret)
        # Left out of each request: the SDK refuses to send one whose key is left out of the client alone.
        self._without = {} if secret else {"Authorization": openai.Omit()}
        self._client = openai.AsyncOpenAI(
            # Given always, like the two below: what is left out the SDK looks for in the environment.
            api_key=secret.value if secret else "none",
            admin_api_key="",
            webhook_secret="",
            base_url=endpoint.url,
            max_retries=0,
            timeout=TIMEOUT,
            default_headers=_headers(secret),  # type: ignore[arg-type] # an `Omit` leaves a header out; the type knows only text
            http_client=openai.DefaultAsyncHttpxClient(
                follow_redirects=False, timeout=TIMEOUT, mounts=direct(endpoint)
            ),
        )

    async def send(self, ask: Ask, progress: Progress) -> Reply:
        """Send one request and read its stream to the end. Cancelling closes the stream."""
        alias, request = ask.card.alias, request_of(ask, self._endpoint, json_schema=self._json_schema)
        try:
            stream = await self._client.chat.completions.create(stream=True, extra_headers=self._without, **request)
            async with stream:
                return await self._read(stream, ask, progress)
        except ApplicationError:
            raise
        except openai.APIStatusError as error:
            raise status_failed(alias, error.response, _words(error), self._echoes) from None
        except openai.APIConnectionError as error:
            raise connection_failed(alias, error, self._echoes) from None
        except openai.APIError as error:
            words = self._echoes.text(_words(error))
            raise failures.maybe_billed(alias, f"the stream ended in an error: {words}") from None
        except Exception as error:  # noqa: BLE001 - whatever a broken stream makes the SDK raise, the request has left
            raise stream_broke(alias, error, self._echoes) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _read(self, stream: openai.AsyncStream[ChatCompletionChunk], ask: Ask, progress: Progress) -> Reply:
        shown = StreamText(self._secret, progress)
        shown.add("")
        answer = ChatStream(ask, shown, self._echoes)
        async for chunk in stream:
            answer.take(chunk)
        if not answer.is_whole:
            raise failures.maybe_billed(ask.card.alias, "the stream ended before the answer did")
        return answer.reply(stream.response.headers.get("x-request-id"))


def _headers(secret: Secret | None) -> dict[str, str | openai.Omit]:
    """The key, and nothing of what the SDK would send of itself: headers and accounts that variables name."""
    ambient = ["OpenAI-Organization", "OpenAI-Project", *ambient_headers("OPENAI_CUSTOM_HEADERS")]
    left_out = {name: openai.Omit() for name in ambient if name.lower() != "authorization"}
    return {**left_out, "Authorization": f"Bearer {secret.value}" if secret else openai.Omit()}


def _words(error: openai.APIError) -> str:
    said = error.body.get("message") if isinstance(error.body, dict) else None
    return f"{error.type}: {said}" if error.type and said else str(said or error.message)
