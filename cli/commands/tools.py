"""`detent tools`: what a worker here can call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
from rich.text import Text

from cli.context import Session, global_options, pass_session
from cli.exits import unknown
from cli.groups import SubGroup
from cli.inventory import cards
from cli.options import WorkerOptions, worker_options
from cli.render.run import labelled
from cli.render.screen import show as print_parts
from cli.render.tables import print_table
from cli.render.text import json_text, line

if TYPE_CHECKING:
    from workflows.contracts.run import NeedCard, ToolCard

HEADS = ("tool", "effect", "risk", "timeout", "needs")
RISKS = {"low": "green", "medium": "", "high": "yellow", "critical": "red"}


@click.group(cls=SubGroup)
@global_options
def tools() -> None:
    """The tools that a worker here has."""


@tools.command()
@worker_options
@global_options
@pass_session
def ls(session: Session, worker: WorkerOptions) -> None:
    """List tools."""
    found = cards(worker, os.environ).tools
    if session.as_json:
        session.print_json([card.model_dump(mode="json") for card in found.values()])
    else:
        print_table(HEADS, map(_cells, found.values()), ("bold",))


@tools.command()
@click.argument("name", metavar="NAME")
@worker_options
@global_options
@pass_session
def show(session: Session, name: str, worker: WorkerOptions) -> None:
    """Show one tool: what it needs, and the schema of its arguments."""
    card = cards(worker, os.environ).tools.get(name)
    if card is None:
        raise unknown(f"no tool `{line(name, 100)}` here; `detent tools ls` lists them")
    if session.as_json:
        session.print_model(card)
        return
    print_parts(
        Text(line(card.name), style="bold"),
        labelled("effect", card.effect),
        labelled("risk", card.risk),
        labelled("timeout", f"{card.timeout_s:g} s"),
        labelled("needs", _needs(card)),
        labelled("labels", ", ".join(map(line, card.labels)) or "none"),
        labelled("digest", card.digest),
        Text(json_text(card.input_schema, indent=2)),
    )


def _cells(card: ToolCard) -> tuple[object, ...]:
    return (card.name, card.effect, Text(card.risk, style=RISKS[card.risk]), f"{card.timeout_s:g} s", _needs(card))


def _needs(card: ToolCard) -> str:
    return ", ".join(_need(need) for need in card.needs) or "nothing"


def _need(need: NeedCard) -> str:
    return f"{line(need.kind)}:{line(need.value)}" if need.arg is None else f"{line(need.kind)} of `{line(need.arg)}`"
