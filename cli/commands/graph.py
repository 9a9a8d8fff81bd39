"""`detent graph`: check and draw graphs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from cli.context import Session, global_options, pass_session
from cli.documents import GraphFile, read_graph, require_valid
from cli.exits import Exit, not_yet
from cli.groups import SubGroup
from cli.inventory import cards
from cli.options import WorkerOptions, worker_options
from cli.render.problems import problem_lines, problem_object
from cli.render.text import block, line
from workflows.language.compile import compile_graph
from workflows.language.draw import draw_mermaid, draw_text
from workflows.language.spec import schema as graph_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from workflows.language.graph import Graph

DRAWINGS: dict[str, Callable[[Graph], str]] = {"text": draw_text, "mermaid": draw_mermaid}


@click.group(cls=SubGroup, later=("diff", "fmt", "lock"))
@global_options
def graph() -> None:
    """Check and draw graphs."""


@graph.command()
@click.argument("file", metavar="FILE")
@click.option("--allow-gaps", is_flag=True, help="What this worker lacks is a warning, not an error.")
@worker_options
@global_options
@pass_session
def check(session: Session, file: str, *, allow_gaps: bool, worker: WorkerOptions) -> int:
    """Check a graph against the language and against what a worker here has; exits 7 if it cannot run."""
    here = cards(worker, os.environ, beside=file)
    found = read_graph(file, here, allow_gaps=allow_gaps, worker=worker)
    if session.as_json:
        session.print_json([problem_object(problem) for problem in found.problems])
    else:
        _print(session, found)
    return Exit.INVALID if found.errors else Exit.OK


@graph.command()
@click.argument("file", metavar="FILE")
@click.option("--format", "form", type=click.Choice(["text", "mermaid", "svg"]), default="text", show_default=True)
@global_options
@pass_session
def show(session: Session, file: str, form: str) -> None:
    """Draw a graph."""
    if form not in DRAWINGS:
        raise not_yet(f"detent graph show --format {form}")
    compiled = compile_graph(require_valid(read_graph(file)))
    drawing = DRAWINGS[form](compiled)
    if session.as_json:
        session.print_json({"graph": compiled.name, "version": compiled.version, "format": form, "drawing": drawing})
    else:
        session.answer(block(drawing).rstrip("\n"))


@graph.command()
@global_options
@pass_session
def schema(session: Session) -> None:
    """Print the JSON Schema of graphs."""
    session.print_json(graph_schema())


def _print(session: Session, found: GraphFile) -> None:
    for text in problem_lines(found.errors):
        session.answer(text)
    for text in problem_lines(found.warnings):
        session.note(text)
    if not found.errors and isinstance(found.document, dict):
        document: dict[str, Any] = found.document
        compiled = compile_graph(document)
        session.answer(f"ok  {line(compiled.name)}@{line(compiled.version)}  digest {compiled.digest[:16]}")
