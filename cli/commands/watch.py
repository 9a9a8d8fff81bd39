"""`detent watch`: one run, live."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import click

from cli.changes import Change
from cli.cluster import reach
from cli.context import Session, global_options, pass_session
from cli.exits import code_of_view
from cli.live import screen_for
from cli.options import run_argument
from cli.printing import print_view
from cli.runs import find, is_open, view_of

if TYPE_CHECKING:
    from cli.cluster import Cluster
    from cli.live import Screen
    from workflows.contracts.run import RunView


@click.command()
@run_argument
@global_options
@pass_session
def watch(session: Session, run: str) -> int:
    """Follow one run live.

    It shows the nodes, each call with its arguments and the first line of its result, what models say while they say it
    (by attempt: a new one begins anew), what was denied, what people are asked, tokens and cost. Nothing of it touches
    the run's history, and no worker is asked. It asks nothing and ends with the run, with the run's exit code.

    With --output json each thing is a line {at, kind, activation, attempt, …}; what does not belong to a kind is left
    out:

    \b
      phase    {phase}
      started  {activation, node, node_kind, status}
      ended    {activation, node, node_kind, status, summary}
      call     {activation, id, call, turn, text}: it was made; text: its arguments
      attempt  {activation, id, call, attempt, error}: why the one before failed
      text     {activation, id, call, attempt, text, chars}: the end of what it said
      result   {activation, id, call, turn, status, text, tokens, cost_usd,
                latency_ms, total_tokens, total_cost_usd}
      denied   {activation, id, call, rules}
      asked    {activation, node, pause, summary, outcomes}
      lifted   {activation, node, pause}
      refused  {pause, summary}
    """  # noqa: D301 - click knows a block that is not to be wrapped by this very character
    try:
        return int(code_of_view(asyncio.run(_watch(session, run))))
    except KeyboardInterrupt:
        session.note("\nthe run goes on")
        raise


async def _watch(session: Session, run: str) -> RunView:
    cluster = await reach()
    if is_open(await find(cluster, run)):
        screen = screen_for(session, run)
        try:
            await _follow(cluster, run, screen, debug=session.debug)
        finally:
            screen.close()
        last = await view_of(cluster, run)
        if session.as_json:
            screen.view(last)
    else:
        last = await view_of(cluster, run)
        if session.as_json:
            screen_for(session, run).view(last)
    if not session.as_json:
        print_view(session, last)
    return last


async def _follow(cluster: Cluster, run: str, screen: Screen, *, debug: bool) -> None:
    from cli.recording import quiet  # noqa: PLC0415 - loads the engine, while something is on the screen already
    from cli.watching import watching  # noqa: PLC0415 - as above

    drawing = asyncio.create_task(screen.keep_drawing())
    try:
        with quiet(unless=debug):
            async with contextlib.aclosing(watching(cluster, run)) as sights:
                async for seen in sights:
                    if isinstance(seen, Change):
                        screen.change(seen)
                    else:
                        screen.view(seen)
    finally:
        drawing.cancel()
        await asyncio.gather(drawing, return_exceptions=True)
