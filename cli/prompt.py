"""Asking a person at the terminal, without holding up what else happens."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from rich.text import Text

from cli.answering import RAISE, SUBSTITUTE, make_answer
from cli.answers import send
from cli.asked import check_asked
from cli.exits import CommandError
from cli.payload import json_value
from cli.render.pause import pause_lines
from cli.render.screen import stderr
from cli.render.text import line

if TYPE_CHECKING:
    from cli.cluster import Cluster
    from cli.voice import Voice
    from workflows.contracts.pause import PauseView

READ_BYTES = 64 * 1024


async def ask(cluster: Cluster, run: str, pause: PauseView, voice: Voice) -> bool:
    """Show a pause, read an answer, sign and send it; false when the person leaves it open (a bare Enter or Ctrl-D)."""
    console = stderr()
    for text in pause_lines(pause, run, how=False):
        console.print(text, soft_wrap=True)
    while True:
        outcome = await _choose(pause)
        if outcome is None:
            console.print(Text("left open", style="dim"))
            return False
        try:
            data = await _data(pause, outcome)
            made = voice.sign_answer(make_answer(pause, outcome, data, voice.id), needed=pause.signed)
            made = check_asked(made, pause, run, cluster.client.namespace)
            await send(cluster, run, made, "update")
        except CommandError as error:
            console.print(Text(line(error.message), style="red"), soft_wrap=True)
            if error.kind != "InvalidAnswer":
                return True
        else:
            return True


async def _choose(pause: PauseView) -> str | None:
    """An outcome, by its name, its number or a beginning that only it has."""
    console = stderr()
    choices = "  ".join(f"{number} {line(outcome)}" for number, outcome in enumerate(pause.outcomes, 1))
    while True:
        console.print(Text(f"  {choices}   (Enter leaves it open)", style="bold"))
        word = (await read_line("> ")).strip()
        if not word:
            return None
        matches = [outcome for outcome in pause.outcomes if outcome.startswith(word)]
        if word in pause.outcomes:
            return word
        if word.isdecimal() and 1 <= int(word) <= len(pause.outcomes):
            return pause.outcomes[int(word) - 1]
        if len(matches) == 1:
            return matches[0]
        console.print(Text(f"`{line(word, 64)}` is none of them", style="red"))


async def _data(pause: PauseView, outcome: str) -> object:
    """The payload, where the pause has a form or the outcome is nothing without one."""
    if pause.form is None and outcome not in (RAISE, SUBSTITUTE):
        return None
    fits = "" if pause.form is None else " that fits the form"
    word = (await read_line(f"data, JSON{fits}: ")).strip()
    return json_value(word, "the data") if word else None


async def read_line(prompt: str) -> str:
    """A line from the terminal, empty at its end. Other tasks go on meanwhile, and this one can be cancelled."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    descriptor = sys.stdin.fileno()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
        return os.read(descriptor, READ_BYTES).decode(errors="replace")
    finally:
        loop.remove_reader(descriptor)
