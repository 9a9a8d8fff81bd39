"""A client of Anthropic's Messages API: one request out, its stream in, the SDK's errors as ours."""

from __future__ import annotations

import os
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anthropic
import httpx2
from temporalio.exceptions import ApplicationError

from activities.models import failures
from activities.models.endpoint import Endpoint
from activities.models.messages_request import request_of
from activities.models.provider import Ask, Progress, Reply, Tokens
from activities.models.retry_after import retry_after_s
from activities.models.secret import Secret
from activities.models.stream_text import StreamText

if TYPE_CHECKING:
    from anthropic.lib.streaming import AsyncMessageStream
    from anthropic.types import Usage

CONNECT_S, IDLE_S, WRITE_S = 10.0, 120.0, 60.0
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)


class MessagesApi:
    """An open client with one key, or with none.

    It follows no redirect and takes no key, address or header from the environment: the SDK would, and a key
    would travel to wherever an answer or a variable points.
    """

    def __init__(self, endpoint: Endpoint, secret: Secret | None) -> None:
        self._secret = secret
        self._key = f"the key in `{secret.reference}`" if secret else "a call without a key"
        # A proxy that the environment names is for the network, never for this machine itself.
        direct = {f"all://{endpoint.host}": None} if endpoint.is_loopback else {}
        timeout = httpx2.Timeout(connect=CONNECT_S, read=IDLE_S, write=WRITE_S, pool=CONNECT_S)
        self._client = anthropic.AsyncAnthropic(
            # Given always: without one the SDK looks for a key in the environment and in the user's files.
            api_key=secret.value if secret else "none",
            base_url=endpoint.url,
            max_retries=0,
            timeout=timeout,
            default_headers=_left_out(secret),  # type: ignore[arg-type] # an `Omit` leaves a header out; the type knows only text
            open_telemetry=False,
            http_client=anthropic.DefaultAsyncHttpxClient(follow_redirects=False, timeout=timeout, mounts=direct),
        )

    async def send(self, ask: Ask, progress: Progress) -> Reply:
        """Send one request and read its stream to the end. Cancelling closes the stream."""
        alias = ask.card.alias
        try:
            with warnings.catch_warnings():
                # The operator chose the model; that it will be retired one day must not fail a call.
                warnings.simplefilter("ignore", DeprecationWarning)
                request = self._client.messages.stream(**request_of(ask))
            async with request as stream:
                return await self._read(stream, alias, progress)
        except ApplicationError:
            raise
        except anthropic.APIStatusError as error:
            raise self._status_failed(alias, error) from None
        except anthropic.APIConnectionError as error:
            raise self._connection_failed(alias, error) from None
        except Exception as error:  # noqa: BLE001 - whatever a broken stream makes the SDK raise, the request has left
            raise failures.maybe_billed(alias, self._words(f"the stream broke: {_named(error)}")) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _read(self, stream: AsyncMessageStream[None], alias: str, progress: Progress) -> Reply:
        shown, seen = StreamText(self._secret, progress), set[str]()
        shown.add("")
        async for event in stream:
            if event.type == "text":
                shown.add(event.text)
            seen.add(event.type)
        # The first event has a count of the answer, too: of what it began with.
        if not {"message_delta", "message_stop"} <= seen:
            raise failures.maybe_billed(alias, "the stream ended before the answer did")
        message = stream.current_message_snapshot
        return Reply(
            text=self._words("".join(block.text for block in message.content if block.type == "text")),
            stop_reason=message.stop_reason or "unknown",
            tokens=_tokens(message.usage),
            request_id=self._words(stream.request_id) if stream.request_id else None,
        )

    def _status_failed(self, alias: str, error: anthropic.APIStatusError) -> ApplicationError:
        words = self._words(f"{error.type}: {error.api_message}" if error.api_message else error.message)
        if error.response.is_success:
            return failures.maybe_billed(alias, f"the stream ended in an error: {words}")
        delay_s = retry_after_s(error.response.headers, now=datetime.now(UTC))
        return failures.status_failed(alias, error.status_code, words, retry_after_s=delay_s, key=self._key)

    def _connection_failed(self, alias: str, error: anthropic.APIConnectionError) -> ApplicationError:
        words = self._words(_named(error.__cause__ or error))
        if isinstance(error.__cause__, _NOT_SENT):
            return failures.not_sent(alias, f"no connection: {words}")
        return failures.maybe_billed(alias, f"the connection was lost before an answer: {words}")

    def _words(self, text: str) -> str:
        return self._secret.redact(text) if self._secret else text


def _tokens(usage: Usage) -> Tokens:
    """Tokens by rate. An answer that does not say what it used raises: it may not pass as free.

    Nothing is asked without input, so a sum of zero says nothing.
    """
    counts = (
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_input_tokens or 0,
        usage.cache_creation_input_tokens or 0,
    )
    if not all(type(count) is int and count >= 0 for count in counts) or sum(counts) == counts[1]:
        raise ValueError("the answer does not say what it used")
    return Tokens(*counts)


def _left_out(secret: Secret | None) -> dict[str, anthropic.Omit]:
    """Headers that the SDK would send of itself: those of a variable, and a placeholder where there is no key."""
    lines = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").split("\n")
    names = [line.partition(":")[0].strip() for line in lines if ":" in line]
    return {name: anthropic.Omit() for name in [*names, *([] if secret else ["Authorization"])]}


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
