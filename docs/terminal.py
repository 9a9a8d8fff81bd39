"""A program at a real terminal, to be looked at and typed to; `tmux` is the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import io
import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

READY_S = 60.0
DARK = TerminalTheme(
    (30, 31, 41),
    (230, 230, 234),
    [
        (30, 31, 41),
        (255, 110, 110),
        (105, 210, 130),
        (240, 200, 100),
        (110, 160, 255),
        (200, 140, 240),
        (90, 205, 215),
        (230, 230, 234),
    ],
)
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 18px; background: #1e1f29; display: inline-block; }}
pre {{ margin: 0; color: #e6e6ea; font: 15px/1.35 "DejaVu Sans Mono", monospace; }}
</style><pre>{code}</pre>"""


@dataclass(frozen=True, slots=True)
class Terminal:
    """One window of so many columns and rows, on a `tmux` server of its own."""

    socket: str
    columns: int

    async def type(self, text: str) -> None:
        """Type a text and Enter."""
        await tmux(self.socket, "send-keys", "-l", text)
        await tmux(self.socket, "send-keys", "Enter")

    async def wipe(self) -> None:
        """Empty the window, whatever runs in it."""
        await tmux(self.socket, "send-keys", "-R")

    async def shows(self, text: str, times: int = 1) -> str:
        """Wait until the window shows a text so many times; what it shows, with colours."""
        deadline = asyncio.get_running_loop().time() + READY_S
        while (await tmux(self.socket, "capture-pane", "-p")).count(text) < times:
            if asyncio.get_running_loop().time() > deadline:
                raise SystemExit(f"the terminal does not show `{text}` {times} times within {READY_S:g} s")
            await asyncio.sleep(0.1)
        return await tmux(self.socket, "capture-pane", "-p", "-e")

    def page(self, seen: str) -> str:
        """What was seen as an HTML page."""
        console = Console(record=True, width=self.columns, file=io.StringIO(), force_terminal=True)
        console.print(Text.from_ansi(seen.rstrip()))
        return console.export_html(theme=DARK, inline_styles=True, code_format=PAGE)


@contextlib.asynccontextmanager
async def terminal(environ: Mapping[str, str], directory: Path, columns: int, rows: int) -> AsyncIterator[Terminal]:
    """A shell in a directory, with a short prompt, gone afterwards with all that it started."""
    if shutil.which("tmux") is None:
        raise SystemExit("`tmux` was not found on PATH: install it with `apt-get install tmux`")
    socket = f"detent-{uuid.uuid4().hex[:8]}"
    size = ("-x", str(columns), "-y", str(rows))
    shell = ("env", "-i", *(f"{name}={value}" for name, value in environ.items()), "sh")
    await tmux(socket, "-f", "/dev/null", "new-session", "-d", *size, "-c", str(directory), *shell)
    try:
        await tmux(socket, "set", "-g", "status", "off")
        yield Terminal(socket, columns)
    finally:
        await tmux(socket, "kill-server")


async def tmux(socket: str, *arguments: str) -> str:
    """Run one command of `tmux`; what it printed."""
    pipe = asyncio.subprocess.PIPE
    line = ("tmux", "-L", socket, *arguments)
    process = await asyncio.create_subprocess_exec(*line, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(line)}: {err.decode().strip()}")
    return out.decode()
