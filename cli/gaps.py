"""What a run lacks, as its open pauses say: which of them is meant, and whether it has been provided."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cli.exits import CommandError, Exit, unknown, usage
from cli.render.text import line
from cli.runs import find, is_open, pauses_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.cluster import Cluster
    from workflows.contracts.pause import GapView, PauseView

LOOK_S = 45.0
"""A little more than a run waits for a worker to look."""
POLL_S = 0.2


def gaps_of(pauses: Sequence[PauseView]) -> list[tuple[PauseView, GapView]]:
    """The pauses that ask for something that is lacking."""
    return [(pause, pause.gap) for pause in pauses if pause.gap is not None]


def choose_gap(pauses: Sequence[PauseView], name: str, run: str) -> tuple[PauseView, GapView]:
    """The gap of that name, `kind:name` where one name is lacking twice; exit 8 if there is none, 2 if several."""
    known = gaps_of(pauses)
    found = [one for one in known if name in (one[1].name, f"{one[1].kind}:{one[1].name}", one[1].key)]
    if not found:
        lacking = ", ".join(f"`{line(gap.name)}`" for _, gap in known) or "nothing"
        raise unknown(f"run `{line(run, 200)}` does not lack `{line(name, 200)}`; it lacks {lacking}")
    if len(found) > 1:
        names = " or ".join(f"`{line(gap.kind)}:{line(gap.name)}`" for _, gap in found)
        raise usage(f"run `{line(run, 200)}` lacks several things of that name: say {names}")
    return found[0]


async def provided(cluster: Cluster, run: str, pause: str) -> None:
    """Return once the question is closed; exit 5 with the reason if the worker did not find what was lacking."""
    deadline = asyncio.get_running_loop().time() + LOOK_S
    while asyncio.get_running_loop().time() < deadline:
        if not is_open(await find(cluster, run)):
            return
        gap = next((one.gap for one in await pauses_of(cluster, run) if one.id == pause), None)
        if gap is None:
            return
        if gap.failed and not gap.probing:
            message = f"`{line(gap.name, 200)}` was not provided: {line(gap.failed)}; the run goes on waiting for it"
            raise CommandError("NotProvided", message, Exit.FAILED)
        await asyncio.sleep(POLL_S)
    message = f"run `{line(run, 200)}` has not said within {LOOK_S:g} s whether it has it; see the worker's log"
    raise CommandError("Unanswered", message, Exit.UNREACHABLE)
