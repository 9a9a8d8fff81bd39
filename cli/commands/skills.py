"""`detent skills`: what agents here can read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
from rich.text import Text

from cli.context import Session, global_options, pass_session
from cli.exits import unknown
from cli.groups import SubGroup
from cli.inventory import shelf_of
from cli.options import WorkerOptions, full_option, worker_options
from cli.render.run import labelled
from cli.render.screen import show as print_parts
from cli.render.tables import print_table
from cli.render.text import fence, line

if TYPE_CHECKING:
    from activities.skills import Skill

HEADS = ("skill", "description", "files", "bytes", "digest")
SHOWN_CHARS = 80
SHOWN_DIGITS = 12


@click.group(cls=SubGroup)
@global_options
def skills() -> None:
    """The skills that agents here can read."""


@skills.command()
@worker_options
@global_options
@pass_session
def ls(session: Session, worker: WorkerOptions) -> None:
    """List skills; exits 7 with all that is wrong where one of them is not sound."""
    found = shelf_of(worker, os.environ).load()
    for skill in found:
        _warn(session, skill)
    if session.as_json:
        session.print_json([_object(skill) for skill in found])
    else:
        print_table(HEADS, map(_cells, found), ("bold",))


@skills.command()
@click.argument("name", metavar="NAME")
@full_option
@worker_options
@global_options
@pass_session
def show(session: Session, name: str, *, full: bool, worker: WorkerOptions) -> None:
    """Show one skill: what it says of itself, its files, its instructions."""
    skill = shelf_of(worker, os.environ).find(name)
    if skill is None:
        raise unknown(f"no skill `{line(name, 100)}` here; `detent skills ls` lists them")
    _warn(session, skill)
    if session.as_json:
        session.print_json({**_object(skill), "instructions": skill.document.body})
        return
    said = skill.document
    print_parts(
        Text(line(said.name), style="bold"),
        labelled("description", line(said.description)),
        labelled("license", line(said.license or "not said")),
        labelled("needs", line(said.compatibility or "nothing")),
        labelled("tools", ", ".join(map(line, said.allowed_tools or ())) or "not said"),
        labelled("digest", skill.card.digest),
        labelled("files", ", ".join(f"{line(path)} ({len(data):,})" for path, data in sorted(skill.files.items()))),
        *(Text(row) for row in fence(said.body, full=full)),
    )


def _warn(session: Session, skill: Skill) -> None:
    for problem in skill.document.warnings:
        session.note(f"warning: {line(problem)}")


def _object(skill: Skill) -> dict[str, object]:
    sizes = {path: len(data) for path, data in sorted(skill.files.items())}
    return {**skill.card.model_dump(mode="json"), "directory": str(skill.directory), "files": sizes}


def _cells(skill: Skill) -> tuple[object, ...]:
    size = sum(len(data) for data in skill.files.values())
    about = line(skill.document.description, SHOWN_CHARS)
    return (skill.document.name, about, f"{len(skill.files)}", f"{size:,}", skill.card.digest[:SHOWN_DIGITS])
