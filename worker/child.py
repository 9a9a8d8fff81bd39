"""Child processes that never outlive us."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

PR_SET_PDEATHSIG = 1


async def spawn(
    line: Sequence[str],
    output: int,
    environ: Mapping[str, str],
    *,
    keep: Sequence[int] = (),
    directory: Path | None = None,
) -> asyncio.subprocess.Process:
    """Start a child in a process group of its own, with stdout and stderr going to file descriptor `output`.

    `keep` are descriptors that it inherits, `directory` is where it starts.

    Its own group, because Ctrl-C at a terminal reaches the whole foreground group and the order of
    stopping is ours. On Linux the kernel ends it when the thread that called this ends, even by SIGKILL;
    elsewhere only an orderly exit does.
    """
    return await asyncio.create_subprocess_exec(
        *line,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=dict(environ),
        pass_fds=keep,
        cwd=directory,
        start_new_session=True,
        preexec_fn=die_with_parent(),
    )


async def stop(process: asyncio.subprocess.Process, grace_s: float) -> int:
    """End a child, by SIGTERM and after `grace_s` by SIGKILL (at once if 0); its return code."""
    if process.returncode is None and grace_s > 0:
        _send(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), grace_s)
    if process.returncode is None:
        _send(process.pid, signal.SIGKILL)
    return await process.wait()


def _send(pid: int, sent: signal.Signals) -> None:
    """Not by `Process.kill`: that polls first, and whoever reaps the child keeps its return code from asyncio."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sent)


def die_with_parent() -> Callable[[], None] | None:
    """What a child runs before exec so that it ends when its parent does; null where the kernel has no such thing."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up here: nothing may be loaded between fork and exec
    parent = os.getpid()

    def arm() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died between fork and prctl, so the signal will never come
            os._exit(1)

    return arm
