"""`detent worker`: a worker against the configured cluster."""

from __future__ import annotations

import os

import click

from cli.context import Session, global_options, pass_session
from cli.options import WorkerOptions, worker_options
from worker.run import run_worker


@click.command()
@click.option("--task-queue", metavar="Q", help="The task queue to poll (default: DETENT_TASK_QUEUE, else `detent`).")
@click.option("--concurrency", type=click.IntRange(1, 1000), help="How many calls run at once (default: 50).")
@worker_options
@global_options
@pass_session
def worker(session: Session, task_queue: str | None, concurrency: int | None, worker: WorkerOptions) -> int:
    """Run a worker against the configured cluster; drains on SIGTERM.

    Where the cluster is, Temporal's own configuration says: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, temporal.toml.
    """
    del session
    return run_worker(worker.flags(task_queue=task_queue, concurrency=concurrency), os.environ)
