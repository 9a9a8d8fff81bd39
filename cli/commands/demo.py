"""`detent demo`: the example graph, for real, on a server of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from cli.context import Session, global_options, pass_session
from cli.documents import read_graph, require_valid
from cli.drive import Driver
from cli.exits import CommandError, Exit, code_of_view
from cli.local import own_cluster
from cli.options import WorkerOptions, worker_options
from cli.presets import Preset
from cli.printing import print_view
from cli.prompt import read_line
from cli.start import Start, check_input, start

if TYPE_CHECKING:
    from worker.dev import Ready
    from workflows.contracts.run import RunView

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "code-review"
DB = Path(".detent/demo.db")
REPORT = "reports/review.md"
INPUT = {"path": "src"}
ACCEPT = Preset("accept", "accept", None)
REAL_MODEL_KEY = "ANTHROPIC_API_KEY"


@dataclass(frozen=True, slots=True)
class Stage:
    """The demo's copy of the example, and the options of the worker that runs it."""

    graph: Path
    workspace: Path
    worker: WorkerOptions


@click.command()
@worker_options
@global_options
@pass_session
def demo(session: Session, worker: WorkerOptions) -> int:
    """Run the example graph for real, with its own server; no keys needed.

    It works on a copy of examples/code-review and answers its question itself. At a terminal it waits for
    Enter, so that the run can be looked at in the Temporal UI.
    """
    stage = _stage(worker)
    try:
        view = asyncio.run(_demo(session, stage))
    except BaseException:  # whatever ends it early: only a report is worth a directory that stays
        shutil.rmtree(stage.graph.parents[1], ignore_errors=True)
        raise
    return code_of_view(view)


def _stage(worker: WorkerOptions) -> Stage:
    if not EXAMPLE.is_dir():
        message = f"`{EXAMPLE}` is not there: the demo runs from a checkout of Detent"
        raise CommandError("NotFound", message, Exit.INVALID)
    copy = Path(tempfile.mkdtemp(prefix="detent-demo-")) / EXAMPLE.name
    shutil.copytree(EXAMPLE, copy)
    scripted = None if os.environ.get(REAL_MODEL_KEY) else copy / "models.yaml"
    workspace = worker.workspace or copy / "workspace"
    policy, models = worker.policy or copy / "policy.yaml", worker.models or scripted
    options = replace(worker, policy=policy, models=models, workspace=workspace)
    return Stage(copy / "graph.yaml", workspace, options)


async def _demo(session: Session, stage: Stage) -> RunView:
    document = require_valid(read_graph(str(stage.graph)))
    check_input(document, INPUT)
    session.note(f"the real Temporal server and a worker, on a copy of the example in {stage.graph.parent}")
    async with own_cluster(stage.worker.flags(graphs=(stage.graph,)), DB) as (cluster, ready):
        started = await start(cluster, Start(document, INPUT, None, None))
        view = await Driver(cluster, started.id, [ACCEPT], interactive=session.interactive).drive()
        print_view(session, view)
        _say_where(session, stage, ready, view)
        if session.interactive:
            await read_line("Enter stops the server. ")
    return view


def _say_where(session: Session, stage: Stage, ready: Ready, view: RunView) -> None:
    """The lines that a script may read; they stay the last ones."""
    run = quote(view.id, safe="")
    session.note(f"{view.phase} {view.id}")
    session.note(f"report {stage.workspace / REPORT}")
    session.note(f"ui {ready.ui}/namespaces/{ready.namespace}/workflows/{run}/{view.run_id}/history")
    session.note(f"again: detent dev --db {DB}")
