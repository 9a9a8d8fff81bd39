"""`detent pause`, `resume` and `cancel`: control of a run, at its next safe point."""

from __future__ import annotations

import asyncio
import uuid

import click

from cli.answers import update
from cli.cluster import reach, require_worker
from cli.context import Session, global_options, pass_session
from cli.exits import invalid
from cli.identity import claimed_id
from cli.options import run_argument
from cli.printing import print_view
from cli.render.text import line
from cli.runs import find_open, open_view
from workflows.contracts.names import UPDATE_PAUSE, UPDATE_RESUME
from workflows.contracts.pause import Control
from workflows.contracts.run import RunView

MAX_REASON = 2048

_reason = click.option("--reason", metavar="TEXT", help="Why; it is recorded.")
_identity = click.option("--as", "identity", metavar="ID", help="Who does it (default: the login's name).")


@click.command()
@run_argument
@_reason
@_identity
@global_options
@pass_session
def pause(session: Session, run: str, reason: str | None, identity: str | None) -> None:
    """Hold a run at the next safe point.

    Calls in flight end, and nothing new is started until `detent resume`.
    """
    _print(session, asyncio.run(_control(run, UPDATE_PAUSE, reason, identity)), "held")


@click.command()
@run_argument
@_reason
@_identity
@global_options
@pass_session
def resume(session: Session, run: str, reason: str | None, identity: str | None) -> None:
    """Lift a hold that `detent pause` made.

    What has a pause id is lifted by `detent answer` alone.
    """
    _print(session, asyncio.run(_control(run, UPDATE_RESUME, reason, identity)), "goes on")


@click.command()
@run_argument
@global_options
@pass_session
def cancel(session: Session, run: str) -> None:
    """Cancel a run.

    Calls that may be broken off are; those that change something run to their end.
    """
    asyncio.run(_cancel(run))
    if session.as_json:
        session.print_json({"id": run, "cancel_requested": True})
    else:
        session.answer(f"{line(run)} is being cancelled")


async def _control(run: str, name: str, reason: str | None, identity: str | None) -> RunView:
    if reason is not None and len(reason) > MAX_REASON:
        raise invalid(f"`--reason`: {len(reason):,} characters are over the limit of {MAX_REASON:,}", kind="TooLarge")
    cluster = await reach()
    await find_open(cluster, run)
    await require_worker(cluster)
    said = Control(by=claimed_id(identity), reason=reason).model_dump(mode="json", exclude_none=True)
    await update(cluster, run, name, said, f"{name}:{uuid.uuid4()}")
    return await open_view(cluster, run)


async def _cancel(run: str) -> None:
    handle = await find_open(await reach(), run)
    await handle.cancel()


def _print(session: Session, view: RunView, words: str) -> None:
    if session.as_json:
        print_view(session, view)
    else:
        session.answer(f"{line(view.id)} {words} ({view.phase})")
