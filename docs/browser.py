"""A headless Chromium, driven over its DevTools protocol just far enough to take pictures."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from websockets.asyncio.client import ClientConnection

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
READY_S = 30.0
SETTLE_S = 1.5
"""After the text is there, what still moves in: fonts, colours, the drawn timeline."""


class NotShown(Exception):
    """The page does not show what it should; the message ends with what it does show."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A rectangle of a page, in CSS pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass
class Page:
    """One tab. Sizes are in CSS pixels; a picture has `scale` times as many."""

    socket: ClientConnection
    session: str
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def size(self, width: int, height: int, scale: float = 1.0) -> None:
        """Set the size of the view."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        await self.call("Emulation.setDeviceMetricsOverride", **metrics)

    async def open(self, url: str, text: str) -> None:
        """Go to an address and wait until the page shows a text."""
        await self.call("Page.navigate", url=url)
        await self.until(f"document.body && document.body.innerText.includes({json.dumps(text)})", text)
        await asyncio.sleep(SETTLE_S)

    async def until(self, condition: str, what: str) -> None:
        """Wait until a JavaScript expression holds."""
        deadline = asyncio.get_running_loop().time() + READY_S
        while not await self.evaluate(condition):
            if asyncio.get_running_loop().time() > deadline:
                shown = str(await self.evaluate("document.body.innerText"))[:2000]
                raise NotShown(f"`{what}` did not appear within {READY_S:g} s; the page shows:\n{shown}")
            await asyncio.sleep(0.2)

    async def evaluate(self, expression: str) -> object:
        """The value of a JavaScript expression."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        result = answer.get("result")
        return result.get("value") if isinstance(result, dict) else None

    async def picture(self, file: Path, clip: Clip | None = None) -> None:
        """Save what is seen as PNG, or what lies in a rectangle."""
        part = {} if clip is None else {"clip": {**asdict(clip), "scale": 1}}
        answer = await self.call("Page.captureScreenshot", format="png", **part)
        await asyncio.to_thread(file.write_bytes, base64.b64decode(str(answer["data"])))

    async def extent(self, selector: str) -> Clip:
        """Where the first visible element of a CSS selector is; the UI has hidden twins of much."""
        script = f"""(() => {{
            const boxes = [...document.querySelectorAll({json.dumps(selector)})].map(e => e.getBoundingClientRect());
            const box = boxes.find(b => b.width > 0 && b.height > 0);
            return box ? [box.x, box.y, box.width, box.height] : null;
        }})()"""
        found = await self.evaluate(script)
        if not isinstance(found, list):
            raise NotShown(f"nothing is seen of `{selector}`")
        return Clip(*found)

    async def click(self, text: str) -> None:
        """Click the visible button that says a text, and let the page settle."""
        script = f"""[...document.querySelectorAll('button')].find(
            b => b.innerText.trim() == {json.dumps(text)} && b.getBoundingClientRect().width > 0)?.click()"""
        await self.evaluate(script)
        await asyncio.sleep(SETTLE_S)

    async def call(self, method: str, **params: object) -> dict[str, object]:
        """Send one command to the tab and wait for its answer; what else arrives is not of interest."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        await self.socket.send(json.dumps({**message, "sessionId": self.session} if self.session else message))
        async for raw in self.socket:
            answer = json.loads(raw)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, object] = answer["result"]
                return result
        raise RuntimeError(f"{method}: the browser went away")


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """A browser of its own with one empty tab; it and its profile are gone afterwards."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise SystemExit("no Chromium was found on PATH: install it with `apt-get install chromium`")
    with tempfile.TemporaryDirectory(prefix="detent-browser-", ignore_cleanup_errors=True) as profile:
        nowhere = asyncio.subprocess.DEVNULL
        line = (found, *FLAGS, f"--user-data-dir={profile}", "about:blank")
        process = await asyncio.create_subprocess_exec(*line, stdout=nowhere, stderr=nowhere)
        try:
            async with connect(await _address(Path(profile)), max_size=None) as socket:
                yield await _tab(socket)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _address(profile: Path) -> str:
    """The browser writes its port, and the path to talk to, into its profile once it listens."""
    deadline = asyncio.get_running_loop().time() + READY_S
    file = profile / "DevToolsActivePort"
    while True:
        lines = file.read_text(encoding="ascii").splitlines() if file.exists() else []
        if len(lines) > 1:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        if asyncio.get_running_loop().time() > deadline:
            raise SystemExit(f"the browser did not start within {READY_S:g} s")
        await asyncio.sleep(0.1)


async def _tab(socket: ClientConnection) -> Page:
    whole = Page(socket, "")
    target = await whole.call("Target.createTarget", url="about:blank")
    session = await whole.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
    return Page(socket, str(session["sessionId"]))
