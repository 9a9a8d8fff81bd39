"""A run followed to where this command can take it: to its end, or to a pause that nobody here can answer."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import click

from cli.answering import make_answer
from cli.answers import send
from cli.asked import check_asked
from cli.display import display_for, report_calls
from cli.exits import CommandError
from cli.follow import follow
from cli.presets import BY, next_preset
from cli.prompt import ask
from cli.render.text import line
from cli.voice import Voice

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cli.cluster import Cluster
    from cli.presets import Preset
    from workflows.contracts.pause import Answer, PauseView
    from workflows.contracts.run import RunView

NOBODY = Voice()


class Driver:
    """Follows one run: shows it, gives the answers that were given ahead, asks for the others if somebody is there."""

    def __init__(
        self, cluster: Cluster, run: str, presets: list[Preset], *, interactive: bool, voice: Voice = NOBODY
    ) -> None:
        self._cluster = cluster
        self._voice = voice
        self._run = run
        self._presets = presets
        self._interactive = interactive
        self._display = display_for(interactive=interactive)
        self._left_open: set[str] = set()
        self._asking: asyncio.Task[bool] | None = None
        self._asked = ""
        self._changed = asyncio.Event()

    async def drive(self) -> RunView:
        """The view at the end, or at a pause that stays open (phase `waiting`)."""
        views = follow(self._cluster, self._run, self._changed)
        calls = asyncio.create_task(report_calls(self._display, self._cluster, self._run))
        try:
            async with contextlib.aclosing(views):
                return await self._through(views)
        finally:
            calls.cancel()
            await asyncio.gather(calls, return_exceptions=True)
            await self._stop_asking()
            self._display.close()

    async def _through(self, views: AsyncGenerator[RunView, None]) -> RunView:
        last: RunView | None = None
        async for view in views:
            last = view
            if self._asking is None or self._asking.done():
                self._display.update(view)
            if await self._answer_ahead(view):
                continue
            if self._interactive:
                await self._ask(view)
            if view.phase == "waiting" and self._asking is None:
                return view
        if last is None:
            raise AssertionError  # `follow` yields at least the closed run
        return last

    async def _answer_ahead(self, view: RunView) -> bool:
        """Whether an answer given ahead was sent. One that is refused is spent: then the run waits."""
        found = next_preset(self._presets, view.pauses)
        if found is None:
            return False
        pause, preset = found
        try:
            await send(self._cluster, self._run, self._made(pause, preset), "update")
        except CommandError as error:
            click.echo(f"`--answer {preset.node}={preset.outcome}`: {line(error.message)}", err=True)
            return False
        return True

    def _made(self, pause: PauseView, preset: Preset) -> Answer:
        """An answer like any other: where a signature is needed, whoever runs this command gives it."""
        signs = pause.signed or self._voice.key_file is not None
        made = make_answer(pause, preset.outcome, preset.data, self._voice.id if signs else BY)
        signed = self._voice.sign_answer(made, needed=pause.signed)
        return check_asked(signed, pause, self._run, self._cluster.client.namespace)

    async def _ask(self, view: RunView) -> None:
        """Ask about one pause at a time; a question that somebody else has answered is taken back."""
        open_now = {pause.id for pause in view.pauses}
        if self._asking is not None and self._asking.done():
            if not self._asking.result():
                self._left_open.add(self._asked)
            self._asking = None
        if self._asking is not None and self._asked not in open_now:
            click.echo("\nno longer asked", err=True)
            await self._stop_asking()
        if self._asking is None:
            for pause in view.pauses:
                if pause.id not in self._left_open:
                    self._display.hold()
                    self._asked = pause.id
                    self._asking = asyncio.create_task(ask(self._cluster, self._run, pause, self._voice))
                    self._asking.add_done_callback(lambda _: self._changed.set())
                    return

    async def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._asking
            self._asking = None
