"""Errors of the providers' SDKs, which are made alike, as ours."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx2
from temporalio.exceptions import ApplicationError

from activities.models import failures
from activities.models.echoes import Echoes
from activities.models.retry_after import retry_after_s

_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)


def status_failed(alias: str, response: httpx2.Response, words: str, echoes: Echoes) -> ApplicationError:
    """An error that came with a status; with that of success it came in the middle of a stream."""
    if response.is_success:
        return failures.maybe_billed(alias, f"the stream ended in an error: {echoes.text(words)}")
    delay_s = retry_after_s(response.headers, now=datetime.now(UTC))
    return failures.status_failed(
        alias, response.status_code, echoes.text(words), retry_after_s=delay_s, key=echoes.key
    )


def connection_failed(alias: str, error: Exception, echoes: Echoes) -> ApplicationError:
    """A connection that was not made, or was lost."""
    words = echoes.text(named(error.__cause__ or error))
    if isinstance(error.__cause__, _NOT_SENT):
        return failures.not_sent(alias, f"no connection: {words}")
    return failures.maybe_billed(alias, f"the connection was lost before an answer: {words}")


def stream_broke(alias: str, error: Exception, echoes: Echoes) -> ApplicationError:
    """Whatever a broken stream makes an SDK raise, the request has left."""
    return failures.maybe_billed(alias, echoes.text(f"the stream broke: {named(error)}"))


def named(error: BaseException) -> str:
    """An error with the name of its type."""
    return f"{type(error).__name__}: {error}".rstrip(": ")
