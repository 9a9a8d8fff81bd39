"""`detent watch`: one run, live."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime

import click

from cli.changes import Change, changes
from cli.cluster import Cluster, reach
from cli.context import Session, global_options, pass_session
from cli.display import display_for, report_calls
from cli.exits import code_of_view
from cli.follow import follow
from cli.options import run_argument
from cli.printing import print_view
from cli.running import attempts
from cli.runs import find, is_open, view_of
from workflows.contracts.run import RunView


@click.command()
@run_argument
@global_options
@pass_session
def watch(session: Session, run: str) -> int:
    """Follow one run live.

    It asks nothing and ends with the run, with the run's exit code. With --output json each change is a
    line: {at, kind, activation, attempt, …}.
    """
    try:
        return int(code_of_view(asyncio.run(_watch(session, run))))
    except KeyboardInterrupt:
        session.note("\nthe run goes on")
        raise


async def _watch(session: Session, run: str) -> RunView:
    cluster = await reach()
    if not is_open(await find(cluster, run)):
        view = await view_of(cluster, run)
        _print_changes(session, None, view) if session.as_json else print_view(session, view)
        return view
    if session.as_json:
        return await _lines(session, cluster, run)
    return await _picture(session, cluster, run)


async def _picture(session: Session, cluster: Cluster, run: str) -> RunView:
    display = display_for(interactive=session.interactive)
    calls = asyncio.create_task(report_calls(display, cluster, run))
    last: RunView | None = None
    try:
        async with contextlib.aclosing(follow(cluster, run)) as views:
            async for view in views:
                display.update(view)
                last = view
    finally:
        calls.cancel()
        await asyncio.gather(calls, return_exceptions=True)
        display.close()
    last = last or await view_of(cluster, run)
    print_view(session, last)
    return last


async def _lines(session: Session, cluster: Cluster, run: str) -> RunView:
    reporter = asyncio.create_task(_report_attempts(session, cluster, run))
    last: RunView | None = None
    try:
        async with contextlib.aclosing(follow(cluster, run)) as views:
            async for view in views:
                _print_changes(session, last, view)
                last = view
    finally:
        reporter.cancel()
        await asyncio.gather(reporter, return_exceptions=True)
    return last or await view_of(cluster, run)


async def _report_attempts(session: Session, cluster: Cluster, run: str) -> None:
    async for change in attempts(cluster, run):
        _print_change(session, change)


def _print_changes(session: Session, before: RunView | None, view: RunView) -> None:
    for change in changes(before, view, datetime.now(UTC).isoformat()):
        _print_change(session, change)


def _print_change(session: Session, change: Change) -> None:
    session.print_json(change.model_dump(mode="json", exclude_none=True), line=True)
