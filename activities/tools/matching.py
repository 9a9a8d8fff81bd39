"""Matching lines in a process of its own, with a hard bound on time and memory.

Python's `re` can take exponential time, holds the interpreter's lock while it matches, and cannot be
interrupted: in a thread, one hostile pattern would stop the whole worker, its heartbeats too. A process can
be killed, whatever it does. That costs some 15 ms a search and keeps the syntax that people and models know;
a linear-time engine would cost a dependency and lacks look-around and back-references.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

from activities.tools.errors import ToolError, show

MEMORY_BYTES = 512 * 1024 * 1024
Line: TypeAlias = tuple[int, int, str]
"""Which file, which line from 1, and the line's text."""

_PROGRAM = Path(__file__).with_name("match_lines.py")
_PIPE = asyncio.subprocess.PIPE


class Matcher:
    """A running process that has compiled one pattern."""

    def __init__(self, process: asyncio.subprocess.Process, pattern: str, deadline: float) -> None:
        self._process = process
        self._pattern = pattern
        self._deadline = deadline

    async def match(self, files: Sequence[bytes], most: int) -> tuple[list[Line], int]:
        """The first `most` lines that match, and how many of the files are no text. Raises `ToolError`."""
        answer = await self.ask({"sizes": [len(data) for data in files], "most": most}, *files)
        return [(file, line, text) for file, line, text in answer["matches"]], answer["not_text"]

    async def ask(self, head: Mapping[str, object], *bodies: bytes) -> dict[str, Any]:
        """One question and its answer; the process is of no use after a `ToolError`."""
        try:
            async with asyncio.timeout_at(self._deadline):
                answer = await self._exchange(json.dumps(head).encode() + b"\n", *bodies)
        except TimeoutError:
            raise self._failed("it took too long and was stopped; write it without nested repetition") from None
        except (EOFError, ConnectionError):
            raise self._failed("it needed too much memory or time; write a simpler one") from None
        if "error" in answer:
            raise self._failed(f"{answer['error']}; mend it, or escape what is meant literally")
        return answer

    async def _exchange(self, *parts: bytes) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.writelines(parts)
        await stdin.drain()
        length = await stdout.readline()
        if not length:
            raise EOFError
        answer: dict[str, Any] = json.loads(await stdout.readexactly(int(length)))
        return answer

    def _failed(self, words: str) -> ToolError:
        return ToolError(f"pattern {show(self._pattern)}: {words}")


@asynccontextmanager
async def matcher(pattern: str, *, timeout_s: float) -> AsyncIterator[Matcher]:
    """Start a process for a pattern, and kill it at the end; `timeout_s` is for all in between.

    It gets no environment, no search path and no site, so no secrets, and it runs nothing but its own file.
    """
    deadline = asyncio.get_running_loop().time() + timeout_s
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(_PROGRAM)),
        stdin=_PIPE,
        stdout=_PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        cwd="/",
    )
    try:
        running = Matcher(process, pattern, deadline)
        head = {"pattern": pattern, "memory_bytes": MEMORY_BYTES, "cpu_s": math.ceil(timeout_s) + 1}
        await running.ask(head)
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
