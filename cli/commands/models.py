"""`detent models`: which models a worker here can ask."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
from rich.text import Text

from cli.context import Session, global_options, pass_session
from cli.groups import SubGroup
from cli.inventory import cards
from cli.options import WorkerOptions, worker_options
from cli.render.tables import print_table

if TYPE_CHECKING:
    from workflows.contracts.run import ModelCard

HEADS = ("alias", "provider", "model", "max tokens", "context", "$ in/out per M", "key")
NANO_PER_MICRO = 1000


@click.group(cls=SubGroup)
@global_options
def models() -> None:
    """The models that a worker here has."""


@models.command()
@worker_options
@global_options
@pass_session
def ls(session: Session, worker: WorkerOptions) -> None:
    """List model aliases, and say whose key is missing."""
    found = cards(worker, os.environ)
    for warning in found.warnings:
        session.note(f"warning: {warning}")
    if session.as_json:
        rows = [
            {**card.model_dump(mode="json"), "missing_key": found.missing_keys.get(alias)}
            for alias, card in found.models.items()
        ]
        session.print_json(rows)
        return
    print_table(HEADS, [_cells(card, found.missing_keys.get(alias)) for alias, card in found.models.items()], ("bold",))


def _cells(card: ModelCard, missing: str | None) -> tuple[object, ...]:
    price = f"{card.price.input / NANO_PER_MICRO:g} / {card.price.output / NANO_PER_MICRO:g}"
    price = price if card.priced else "no price"
    key = Text("ok", style="green") if missing is None else Text(f"{missing} is not set", style="yellow")
    return (card.alias, card.provider, card.model, f"{card.max_tokens:,}", f"{card.context:,}", price, key)
