"""`detent run`: start a run, follow it, end with its exit code."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.cluster import Cluster, reach, require_worker
from cli.context import Session, global_options, pass_session
from cli.documents import GraphFile, read_graph, require_valid
from cli.drive import Driver
from cli.exits import CommandError, Exit, code_of_view, usage
from cli.local import own_cluster
from cli.options import FILE, WorkerOptions, worker_options
from cli.payload import check_name, json_value, with_settings
from cli.presets import Preset, parse_presets
from cli.printing import print_view
from cli.render.problems import problem_lines
from cli.render.text import line
from cli.runs import find, is_open, view_of
from cli.secrets import refuse_secrets
from cli.start import Start, check_input, start
from cli.voice import Voice, voice_of, voice_options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workflows.contracts.run import RunView


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line, besides what the run starts with."""

    session: Session
    detach: bool
    local: bool
    file: Path
    db: Path | None
    worker: WorkerOptions
    voice: Voice


@click.command()
@click.argument("graph", metavar="GRAPH")
@click.option(
    "--input", "input_text", metavar="JSON|@FILE", help="The run's input: JSON, or @ and a file that holds it."
)
@click.option("--set", "settings", multiple=True, metavar="K=V", help="One field of the input; repeatable.")
@click.option("--key", metavar="K", help="Names the run: the same key, graph and input are the same run.")
@click.option("--tenant", metavar="T", help="One of the tenants that the worker's policy allows here.")
@click.option("--detach", is_flag=True, help="Print the run's id and leave it to its worker.")
@click.option("--local", is_flag=True, help="Bring a server and a worker for this run alone.")
@click.option("--db", type=FILE, help="With --local: the file of the server's database (default: in memory).")
@click.option(
    "--answer", "answers", multiple=True, metavar="NODE=OUTCOME[:JSON]", help="Answer a human node; repeatable."
)
@click.option("--allow-gaps", is_flag=True, help="Start although the worker lacks a tool or model.")
@voice_options
@worker_options
@global_options
@pass_session
def run(session: Session, /, graph: str, *, answers: tuple[str, ...], local: bool, detach: bool, **others: Any) -> int:
    """Start a run of a graph and follow it.

    Exits 0 when it completed, 3 when policy or a person ended it, 4 when it waits for a person and nobody
    here can answer, 5 when it failed otherwise. Ctrl-C leaves the run to its worker, unless --local.
    """
    voice = voice_of(others["identity"], others["key_file"])
    asked = Asked(session, detach, local, Path(graph), others["db"], others["worker"], voice)
    _check_usage(asked, answers)
    found = read_graph(graph, allow_gaps=others["allow_gaps"], worker=others["worker"])
    document = _valid(found, session)
    presets = parse_presets(answers, document)
    return asyncio.run(_run(asked, _start_of(document, others), presets))


def _check_usage(asked: Asked, answers: tuple[str, ...]) -> None:
    if asked.detach and answers:
        raise usage("`--answer` is sent while the run is followed, so it cannot go with `--detach`")
    if asked.detach and asked.local:
        raise usage("`--local` ends its worker with the command, so it cannot go with `--detach`")
    if not asked.local and (asked.worker.given or asked.db):
        given = asked.worker.given or ["--db"]
        raise usage(f"`{given[0]}` is for the worker; here it needs `--local`, else give it to `detent worker`")


def _valid(found: GraphFile, session: Session) -> dict[str, object]:
    document = require_valid(found)
    for text in problem_lines(found.warnings):
        session.note(text)
    return document


def _start_of(document: dict[str, object], options: dict[str, Any]) -> Start:
    for name in ("key", "tenant"):
        if options[name] is not None:
            check_name(options[name], f"`--{name}`")
    given = {} if options["input_text"] is None else json_value(options["input_text"], "`--input`")
    value = with_settings(given, options["settings"], document.get("input"))
    refuse_secrets(value, "input", options["worker"])
    check_input(document, value)
    voice = voice_of(options["identity"], options["key_file"])
    return Start(document, value, options["tenant"], options["key"], options["allow_gaps"], voice)


async def _run(asked: Asked, what: Start, presets: list[Preset]) -> int:
    async with _cluster(asked) as cluster:
        started = await start(cluster, what)
        if asked.detach:
            return await _detached(asked.session, cluster, started.id)
        asked.session.note(f"{'found' if started.existed else 'started'} {started.id}")
        try:
            view = await _followed(asked, cluster, started.id, presets)
        except asyncio.CancelledError:
            _say_goodbye(asked, started.id)
            raise
        except CommandError as error:
            raise CommandError(error.kind, f"{error.message}; the run is `{started.id}`", error.code) from error
        await _end_if_local(asked, cluster, view)
    print_view(asked.session, view)
    return code_of_view(view)


@contextlib.asynccontextmanager
async def _cluster(asked: Asked) -> AsyncIterator[Cluster]:
    if asked.local:
        asked.session.note("starting a server and a worker for this run")
        beside = asked.file.resolve().parent / "models.yaml"
        flags = asked.worker.flags(graph_models=beside if beside.is_file() else None, graphs=(asked.file.resolve(),))
        async with own_cluster(flags, asked.db) as (cluster, _):
            yield cluster
    else:
        cluster = await reach()
        await require_worker(cluster)
        yield cluster


async def _followed(asked: Asked, cluster: Cluster, run_id: str, presets: list[Preset]) -> RunView:
    driver = Driver(cluster, run_id, presets, interactive=asked.session.interactive, voice=asked.voice)
    return await driver.drive()


async def _detached(session: Session, cluster: Cluster, run_id: str) -> int:
    if session.as_json:
        session.print_model(await view_of(cluster, run_id))
    else:
        session.answer(run_id)
        session.note(f"follow it with `detent watch {run_id}`")
    return Exit.OK


async def _end_if_local(asked: Asked, cluster: Cluster, view: RunView) -> None:
    """A run that waits for a person outlives its own server only as a file: it is cancelled, and says so."""
    if not asked.local or view.phase != "waiting":
        return
    await cluster.client.get_workflow_handle(view.id).cancel()
    asked.session.note("nobody here can answer, so the run was cancelled: `--local` leaves nothing behind")
    for _ in range(50):
        if not is_open(await find(cluster, view.id)):
            return
        await asyncio.sleep(0.1)


def _say_goodbye(asked: Asked, run_id: str) -> None:
    if asked.local:
        asked.session.note(f"\ninterrupted; run `{line(run_id)}` ends with its server")
    else:
        asked.session.note(f"\nthe run goes on; follow it with `detent watch {line(run_id)}`")
