"""`detent records`: what a run executed, a JSON line each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from cli.cluster import reach
from cli.context import Session, global_options, pass_session
from cli.exits import usage
from cli.histories import fetch, in_order
from cli.recording import quiet
from cli.records import records_of
from cli.replaying import read_history
from workflows.contracts.records import LifetimeRecord

if TYPE_CHECKING:
    from temporalio.client import WorkflowHistory

    from workflows.contracts.records import Record


@click.command()
@click.argument("run", required=False, metavar="[RUN]")
@click.option(
    "--history",
    "files",
    multiple=True,
    metavar="FILE",
    help="Read it from a file of `detent history` instead; repeat it for a run in several executions.",
)
@click.option("--kind", type=click.Choice(["run", "task", "plan"]), help="Only records of this kind.")
@click.option("--namespace", default="default", show_default=True, help="Where the files' run was recorded.")
@global_options
@pass_session
def records(session: Session, run: str | None, files: tuple[str, ...], kind: str | None, namespace: str) -> None:
    """Print what a run executed as JSON lines, open or closed.

    The first line is the run's own (kind `run`), then comes one of each visit of a node (kind `task` or `plan`), in the
    order in which they ended; what is under way stands last. A record says what it is (`exec_id`, `name`, `visit`,
    `attempt`), what led to it (`parents`) and where it led (`edge_taken`), what it used (`tokens_used`, `cost_usd`,
    `latency_ms`, `calls`) and what it came to (`status`, `result`, `error`).

    They are made from the run's history by replaying it; no worker is needed. A result over 32 KiB is put into the blob
    store and stands as {uri, size_bytes, digest}. `detent replay --envelopes` routes the run again from them.
    """
    if (run is None) == (not files):
        raise usage("give a RUN or files of its history with `--history`, not both")
    found = asyncio.run(_records(session, run, files, namespace))
    first = found[0]
    for record in found:
        if kind in (None, record.kind):
            session.print_json(record.model_dump(mode="json"), line=True)
    if isinstance(first, LifetimeRecord) and not first.whole:
        session.note("the run's first executions are missing, so its first records are, too")


async def _records(session: Session, run: str | None, files: tuple[str, ...], namespace: str) -> list[Record]:
    histories: list[WorkflowHistory]
    if run is None:
        histories = in_order([read_history(file) for file in files])
    else:
        cluster = await reach()
        namespace = cluster.client.namespace
        histories = await fetch(cluster, run)
    with quiet(unless=session.debug):
        return await records_of(histories, namespace)
