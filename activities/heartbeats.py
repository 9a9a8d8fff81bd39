"""The beat that tells Temporal that a call is alive, with what it last said."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

INTERVAL_S = 0.5
"""A call is taken for dead after 2 s of silence (ADR 0010): three beats may be lost to a busy machine."""


class Heartbeats:
    """Beats every half second while the block runs, and at once when there is something to say.

    Details are one object `{attempt, …}`, so that a reader knows text of an attempt that was given up.
    Cancellation comes back by way of the beats.
    """

    def __init__(self, send: Callable[[object], None], attempt: int, interval_s: float = INTERVAL_S) -> None:
        self._send = send
        self._interval_s = interval_s
        self._details: dict[str, object] = {"attempt": attempt}
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beating is not None:
            self._beating.cancel()

    def say(self, **details: object) -> None:
        """Replace the details and send them; the SDK sends ten a second at most and always the last."""
        self._details = {"attempt": self._details["attempt"], **details}
        self._send(self._details)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)  # first: most calls are over by then, and each beat is a request
            self._send(self._details)
