"""`detent new`: a first version of a graph, a policy or a tool that runs as it is."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import scaffolds
from cli.context import Session, global_options, pass_session
from cli.exits import usage
from cli.groups import SubGroup
from cli.options import DIRECTORY
from cli.render.text import line
from workflows.engine.gap_prompts import is_tool_name
from workflows.language.spec_values import GRAPH_NAME

if TYPE_CHECKING:
    from workflows.contracts.pause import GapView

_into = click.option("--into", type=DIRECTORY, default=Path(), help="The directory to write it into (default: here).")


@click.group(cls=SubGroup)
@global_options
def new() -> None:
    """Make a graph, a policy or a tool that runs as it is, to be changed."""


@new.command()
@click.argument("name", metavar="NAME")
@_into
@global_options
@pass_session
def graph(session: Session, name: str, into: Path) -> None:
    """Write NAME.yaml, a graph that lists files; it needs no key."""
    _check(name, "graph")
    file = _write(session, into / f"{name}.yaml", scaffolds.graph(name))
    session.note(f"check it with `detent graph check {file}`, run it with `detent run {file} --local`")


@new.command()
@click.argument("name", metavar="NAME")
@_into
@global_options
@pass_session
def policy(session: Session, name: str, into: Path) -> None:
    """Write NAME.yaml, a policy that lets runs read, and little else."""
    _check(name, "policy")
    file = _write(session, into / f"{name}.yaml", scaffolds.policy(name))
    session.note(f"check it with `detent policy check {file}`, start a worker with `--policy {file}`")


@new.command()
@click.argument("name", metavar="NAME")
@click.option("--from-gap", "run", metavar="RUN", help="Take the arguments from what this run lacks under that name.")
@click.option(
    "--into", type=DIRECTORY, default=Path("tools"), show_default=True, help="The directory to write it into."
)
@global_options
@pass_session
def tool(session: Session, name: str, run: str | None, into: Path) -> None:
    """Write a file with the tool NAME; what it takes stands there, what it does is left to write.

    A worker that was given the directory with `--tools` loads it within a second.
    """
    if not is_tool_name(name):
        raise usage(f"`{line(name, 100)}` is no name of a tool; write small letters with dots, such as `text.count`")
    gap = None if run is None else asyncio.run(_gap(run, name))
    example = None if gap is None else gap.example or {}
    _write(session, into / f"{re.sub(r'[^a-z0-9]', '_', name)}.py", scaffolds.tool(name, example))
    session.note(f"write what it does, then look at it with `detent tools show {name} --tools {into}`")
    if run is not None:
        session.note(f"once the worker has it: `detent provide {line(run)} {name}`")


async def _gap(run: str, name: str) -> GapView:
    from cli.cluster import reach, require_worker  # noqa: PLC0415 - writing a file needs no client
    from cli.gaps import choose_gap  # noqa: PLC0415 - as above
    from cli.runs import find_open, pauses_of  # noqa: PLC0415 - as above

    cluster = await reach()
    await find_open(cluster, run)
    await require_worker(cluster)
    return choose_gap(await pauses_of(cluster, run), f"tool:{name}", run)[1]


def _check(name: str, what: str) -> None:
    if not re.fullmatch(GRAPH_NAME, name):
        raise usage(
            f"`{line(name, 100)}` is no name of a {what}: small letters, digits and `-`, a letter first, at most 64"
        )


def _write(session: Session, file: Path, text: str) -> Path:
    """Write a new file; one that is there is never written over (exit 2)."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as writing:
            writing.write(text)
    except FileExistsError:
        raise usage(f"`{file}` is there already; choose another name, or `--into` another directory") from None
    except OSError as error:
        raise usage(f"`{file}` cannot be written: {(error.strerror or str(error)).lower()}") from None
    if session.as_json:
        session.print_json({"file": str(file)})
    else:
        session.answer(str(file))
    return file
