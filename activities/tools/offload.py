"""Blocking work off the event loop, so that heartbeats go on and a cancelled call stops working."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """The call that wanted the work is over."""


class Stop:
    """Tells work in a thread that nobody wants its result any more."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the work to stop."""
        self._event.set()

    def check(self) -> None:
        """Raise `Stopped` if the work was asked to stop; to be called often in long loops."""
        if self._event.is_set():
            raise Stopped


async def in_thread(work: Callable[[Stop], T]) -> T:
    """Run the work in a thread. A thread cannot be interrupted, so on cancellation it is asked to stop."""
    stop = Stop()
    try:
        return await asyncio.to_thread(work, stop)
    finally:
        stop.set()
