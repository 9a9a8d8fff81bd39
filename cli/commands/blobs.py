"""`detent blobs`: large values and conversations, where they are kept."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import click

from activities.blobs_places import open_blobs
from cli.blob_rows import blob_rows
from cli.cluster import reach
from cli.context import Session, global_options, pass_session
from cli.exits import CommandError, Exit, invalid, unknown, usage
from cli.groups import SubGroup
from cli.histories import in_order
from cli.options import run_argument
from cli.rebuilding import rebuild
from cli.render.tables import print_table
from cli.render.text import line
from cli.replaying import read_history
from cli.runs import find
from worker.blob_users import forget_namespace
from worker.reachable import executions
from worker.retention_age import read_age
from worker.settings import blobs_place
from worker.sweep import NotSwept, sweep

if TYPE_CHECKING:
    from temporalio.client import WorkflowHistory

    from activities.ports import BlobStore
    from cli.blob_rows import BlobRow
    from cli.mending import Mending
    from worker.sweep import Swept

HEADS = ("folder", "count", "bytes")


@click.group(cls=SubGroup)
@global_options
def blobs() -> None:
    """Large values and conversations: what is kept, and for how long."""


@blobs.command()
@click.option("--tenant", metavar="T", help="Only what is kept for this tenant.")
@global_options
@pass_session
def ls(session: Session, tenant: str | None) -> None:
    """Count what is kept, by folder."""
    rows = asyncio.run(blob_rows(_store(), tenant))
    if session.as_json:
        session.print_json([row.model_dump(mode="json") for row in rows])
    elif not rows:
        session.note(f"nothing is kept in {line(_store().place)}")
    else:
        print_table(HEADS, map(_cells, rows), ("bold",))


@blobs.command(name="sweep")
@click.option(
    "--older-than", "age", metavar="AGE", default="30d", show_default=True, help="Only what is as old: `30d`."
)
@click.option("--dry-run", is_flag=True, help="Remove nothing; say what would be.")
@click.option("--forget", metavar="NS", multiple=True, help="A namespace that uses this store no more; repeatable.")
@global_options
@pass_session
def sweep_command(session: Session, age: str, forget: tuple[str, ...], *, dry_run: bool) -> None:
    """Remove what is old and what no open run reaches.

    The open runs of every namespace whose workers use this store are asked what they reach, in their histories and
    conversations; if that cannot be told, nothing is removed. What people approved or revoked stays. What
    should last of a closed run is exported before: `detent history -o` writes it whole.
    """
    try:
        age_ms = read_age(age)
    except ValueError as error:
        raise usage(f"`--older-than {age}` {error}") from error
    try:
        swept = asyncio.run(_sweep(time.time() - age_ms / 1000, forget, dry_run=dry_run))
    except NotSwept as error:
        raise CommandError("NotSwept", str(error), Exit.FAILED) from error
    _say_swept(session, swept, dry_run=dry_run)


@blobs.command(name="rebuild")
@run_argument
@click.option("--history", "files", multiple=True, metavar="FILE", help="An export of the run's history; repeatable.")
@global_options
@pass_session
def rebuild_command(session: Session, run: str, files: tuple[str, ...]) -> int:
    """Restore what a run's history holds: payloads, results of tools, conversations.

    The history is the server's, or what `detent history -o` wrote: with `--history` no server is asked, and values that
    were too large for the history are restored, too. Exits 5 if something stays lost.
    """
    mending = asyncio.run(_rebuild(run, files))
    _say_mended(session, run, mending)
    return Exit.FAILED if mending.lost else Exit.OK


def _store() -> BlobStore:
    return open_blobs(blobs_place(os.environ))


async def _sweep(before_s: float, forget: tuple[str, ...], *, dry_run: bool) -> Swept:
    store, cluster = _store(), await reach()
    for namespace in forget:
        if namespace == cluster.client.namespace:
            raise usage(f"`--forget {namespace}`: this is the namespace that is asked; set TEMPORAL_NAMESPACE")
        await forget_namespace(store, namespace)
    return await sweep(store, cluster.client, before_s, dry_run=dry_run)


async def _rebuild(run: str, files: tuple[str, ...]) -> Mending:
    histories = _given(run, files) if files else await _fetched(run)
    return await rebuild(_store(), histories, run.partition("/")[0])


def _given(run: str, files: tuple[str, ...]) -> list[WorkflowHistory]:
    histories = in_order([read_history(file) for file in files])
    found = histories[0].events[0].workflow_execution_started_event_attributes.workflow_id
    if found != run:
        raise invalid(f"the history is of run `{line(found, 200)}`, not of `{line(run, 200)}`", kind="InvalidHistory")
    return histories


async def _fetched(run: str) -> list[WorkflowHistory]:
    cluster = await reach()
    described = await find(cluster, run)
    if described.run_id is None:
        raise unknown(f"run `{line(run, 200)}` has no execution that could be read")
    return [one async for _, one in executions(cluster.client, run, described.run_id)][::-1]


def _cells(row: BlobRow) -> tuple[object, ...]:
    return (row.folder, f"{row.count:,}", f"{row.bytes:,}")


def _say_swept(session: Session, swept: Swept, *, dry_run: bool) -> None:
    if session.as_json:
        found = {
            "dry_run": dry_run,
            "open_runs": swept.open_runs,
            "removed": sorted(swept.removed),
            "removed_bytes": swept.removed_bytes,
            "kept": dict(sorted(swept.kept.items())),
            "lost": list(swept.lost),
        }
        session.print_json(found)
    else:
        verb = "would be removed" if dry_run else "removed"
        open_runs = "1 run is open" if swept.open_runs == 1 else f"{swept.open_runs:,} runs are open"
        session.answer(f"{len(swept.removed):,} {verb}, {swept.removed_bytes:,} bytes; {open_runs}")
        for reason, count in sorted(swept.kept.items()):
            session.answer(f"{count:,} kept: {reason}")
    for tenant in swept.lost:
        session.note(f"content of {line(tenant)} is missing: what it may have led to was kept; rebuild its open runs")


def _say_mended(session: Session, run: str, mending: Mending) -> None:
    restored, there = sorted(mending.restored), sorted(mending.there - set(mending.restored))
    if session.as_json:
        lost = [{"name": name, "reason": why} for name, why in sorted(mending.lost.items())]
        session.print_json({"id": run, "restored": restored, "there": len(there), "lost": lost})
        return
    session.answer(f"{len(restored)} restored, {len(there)} were there, {len(mending.lost)} cannot be restored")
    for name in restored:
        session.answer(f"restored  {line(name, 200)}")
    for name, why in sorted(mending.lost.items()):
        session.answer(f"lost      {line(name, 200)}: {line(why, 200)}")
