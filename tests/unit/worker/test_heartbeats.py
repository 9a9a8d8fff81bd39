"""Beats go on while a call runs, and say which attempt they are of."""

from __future__ import annotations

import asyncio

from activities.heartbeats import Heartbeats


async def test_a_short_call_costs_no_beat() -> None:
    sent: list[object] = []
    async with Heartbeats(sent.append, attempt=1):
        await asyncio.sleep(0)
    assert sent == []


async def test_what_is_said_is_sent_at_once_with_the_attempt() -> None:
    sent: list[object] = []
    async with Heartbeats(sent.append, attempt=3) as beats:
        beats.say(text="so far", chars=6)
    assert sent == [{"attempt": 3, "text": "so far", "chars": 6}]


async def test_the_last_thing_said_is_repeated() -> None:
    sent: list[object] = []
    async with Heartbeats(sent.append, attempt=1, interval_s=0.01) as beats:
        beats.say(chars=1)
        await asyncio.sleep(0.05)
    assert len(sent) > 2
    assert all(details == {"attempt": 1, "chars": 1} for details in sent)


async def test_beats_end_with_the_call() -> None:
    sent: list[object] = []
    async with Heartbeats(sent.append, attempt=1, interval_s=0.01):
        pass
    await asyncio.sleep(0.03)
    assert sent == []
