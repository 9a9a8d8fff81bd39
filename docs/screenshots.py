"""`make screenshots`: runs the example for real and photographs it in the Temporal UI and in the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from docs.browser import Clip, Page, browser
from docs.terminal import Terminal, terminal
from worker.start_line import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
EXAMPLE = ROOT / "examples" / "code-review"
DETENT = Path(sys.executable).with_name("detent")
WIDTH, WIDE, HEIGHT = 1440, 1720, 800
BESIDE_MENU = Clip(256, 48, WIDTH - 256, 1200)
COLUMNS, ROWS = 104, 44
REVIEWED = 2
MAX_BYTES = 300 * 1024
READY_S = 60.0
SLOWER = 10


@dataclass(frozen=True, slots=True)
class Stage:
    """A server and a worker on a copy of the example."""

    example: Path
    ui: str
    environ: dict[str, str]

    async def detent(self, *arguments: str) -> str:
        """Run one command and give what it printed; `SystemExit` with its words when it fails."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            DETENT, *arguments, stdout=pipe, stderr=pipe, env=self.environ, cwd=self.example
        )
        out, err = await process.communicate()
        if process.returncode:
            raise SystemExit(f"detent {' '.join(arguments)}: exit code {process.returncode}\n{err.decode()}")
        return out.decode()

    async def run(self, key: str, *arguments: str, path: str = "src") -> None:
        """Start the review under a key."""
        await self.detent("run", "graph.yaml", "--set", f"path={path}", "--key", key, *arguments)

    async def page(self, run: str, tab: str) -> str:
        """The address of one tab of a run."""
        view = json.loads(await self.detent("show", run, "--output", "json"))
        return f"{self.ui}/namespaces/default/workflows/{quote(run, safe='')}/{view['run_id']}/{tab}"


@contextlib.asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """`detent dev` in a temporary directory, from ready to stopped."""
    with tempfile.TemporaryDirectory(prefix="detent-pictures-") as scratch:
        example = Path(scratch) / EXAMPLE.name
        shutil.copytree(EXAMPLE, example)
        _slow_down(example / "replies.yaml")
        environ = _environ(Path(scratch))
        files = ("--policy", "policy.yaml", "--models", "models.yaml", "--workspace", "workspace")
        process = await asyncio.create_subprocess_exec(
            DETENT, "dev", *files, "--port", str(free_port()), "--ui-port", str(free_port()), "--output", "json",
            stdout=asyncio.subprocess.PIPE, env=environ, cwd=example,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            ready = json.loads(await asyncio.wait_for(process.stdout.readline(), READY_S))
            environ["TEMPORAL_ADDRESS"] = ready["address"]
            yield Stage(example, ready["ui"], environ)
        finally:
            process.terminate()
            await process.wait()


def _slow_down(replies: Path) -> None:
    """Let the scripted model take as long as a real one, so that there is something to see while it works."""
    text = replies.read_text(encoding="utf-8")
    slower = re.sub(r"delay: (\d+)ms", lambda found: f"delay: {int(found[1]) * SLOWER}ms", text)
    replies.write_text(slower, encoding="utf-8")


def _environ(scratch: Path) -> dict[str, str]:
    """Ours without personal settings, and without a key that would cost money."""
    personal = ("TEMPORAL_", "DETENT_", "ANTHROPIC_", "OTEL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(personal)}
    ours = {"TEMPORAL_CONFIG_FILE": os.devnull, "DETENT_CONFIG": os.devnull, "DETENT_BLOBS": str(scratch / "blobs")}
    return {**kept, **ours, "USER": "ann", "LOGNAME": "ann"}


async def play(at: Stage) -> None:
    """The runs that the pictures show: some that ended, each in its own way, and one that waits for a person."""
    await at.run("nothing-to-do", path="empty")
    await at.run("monday", "--detach")
    await at.detent("cancel", "default/code-review/monday")
    await at.run("release-1.5", "--detach")


async def photograph_terminal(at: Stage, page: Page) -> None:
    """`detent run` at a terminal: at work, asking, and done."""
    path = f"{DETENT.parent}:{os.environ['PATH']}"
    environ = {**at.environ, "PATH": path, "PS1": "$ ", "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    async with terminal(environ, at.example, COLUMNS, ROWS) as window:
        await window.type("clear; detent run graph.yaml --set path=src --key release-1.4")
        await _develop(page, window, await window.shows("✓ review", times=REVIEWED), "terminal-run.png")
        await _develop(page, window, await window.shows("Enter leaves it open"), "terminal-ask.png")
        await window.wipe()
        await window.type("accept")
        await _develop(page, window, await window.shows("budget"), "terminal-end.png")


async def _develop(page: Page, window: Terminal, seen: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "terminal.html"
        file.write_text(window.page(seen), encoding="utf-8")
        await page.size(WIDTH, 2 * HEIGHT)
        await page.open(file.as_uri(), "")
        await page.picture(IMAGES / name, await page.extent("body"))


async def photograph_ui(at: Stage, page: Page) -> None:
    """The Temporal UI: the list of runs, one run over time and as events, and one that waits."""
    waiting, ended = "default/code-review/release-1.5", "default/code-review/release-1.4"
    await page.size(WIDTH, HEIGHT)
    await page.open(f"{at.ui}/namespaces/default/workflows", waiting)
    await page.picture(IMAGES / "runs.png", Clip(0, 0, WIDTH, 560))
    await page.size(WIDTH, 2 * HEIGHT)
    await page.open(await at.page(ended, "timeline"), "Timeline")
    await page.click("Descending")
    await page.picture(IMAGES / "run.png", BESIDE_MENU)
    await page.size(WIDE, 2 * HEIGHT)
    await page.open(await at.page(ended, "history"), "fs.glob")
    await page.click("Compact")
    await page.picture(IMAGES / "events.png", replace(BESIDE_MENU, width=WIDE - BESIDE_MENU.x))
    await page.size(WIDTH, 2 * HEIGHT)
    await page.open(await at.page(waiting, "user-metadata"), "Current Details")
    await page.extent("#user-metadata-summary")
    await page.picture(IMAGES / "pause.png", BESIDE_MENU)


async def main() -> None:
    """Take every picture anew."""
    IMAGES.mkdir(exist_ok=True)
    async with stage() as at, browser() as page:
        await play(at)
        await photograph_terminal(at, page)
        await photograph_ui(at, page)
    for file in sorted(IMAGES.glob("*.png")):
        large = file.stat().st_size > MAX_BYTES
        print(f"{file.relative_to(ROOT)}  {file.stat().st_size // 1024} KiB{'  TOO LARGE' if large else ''}")


if __name__ == "__main__":
    asyncio.run(main())
