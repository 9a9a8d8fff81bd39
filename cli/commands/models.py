"""`detent models`: which models a worker here can ask."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
from rich.text import Text

from activities.models.traffic import span
from cli.context import Session, global_options, pass_session
from cli.groups import SubGroup
from cli.inventory import Cards, cards
from cli.options import WorkerOptions, worker_options
from cli.render.tables import print_table

if TYPE_CHECKING:
    from activities.models.traffic import Rate
    from workflows.contracts.run import ModelCard

HEADS = ("alias", "provider", "model", "context", "$/M in/out", "leads to", "rate", "key")
NANO_PER_MICRO = 1000
THOUSAND, MILLION = 1000, 1_000_000


@click.group(cls=SubGroup)
@global_options
def models() -> None:
    """The models that a worker here has."""


@models.command()
@worker_options
@global_options
@pass_session
def ls(session: Session, worker: WorkerOptions) -> None:
    """List model aliases: what each costs and reads, whom it falls back to or routes to, whose key is missing.

    A breaker that is open is not seen here: each worker has its own.
    """
    found = cards(worker, os.environ)
    for warning in found.warnings:
        session.note(f"warning: {warning}")
    if session.as_json:
        session.print_json([_row(found, card) for card in found.models.values()])
        return
    print_table(HEADS, [_cells(found, card) for card in found.models.values()], ("bold",))
    _note_missing(session, found)


def _row(found: Cards, card: ModelCard) -> dict[str, object]:
    rate = found.rates.get(card.alias)
    limits = None if rate is None else {"requests": rate.requests, "tokens": rate.tokens, "per_s": rate.per_s}
    return {**card.model_dump(mode="json"), "missing_key": found.missing_keys.get(card.alias), "rate": limits}


def _cells(found: Cards, card: ModelCard) -> tuple[object, ...]:
    if card.routes:
        routes = " ".join(f"{name}→{alias}" for name, alias in card.routes.items())
        return (card.alias, card.provider, "", "", "", routes, "", "")
    then = f"else {', '.join(card.fallback)}" if card.fallback else ""
    rate = found.rates.get(card.alias)
    limits = "" if rate is None else _limits(rate)
    return (card.alias, card.provider, card.model, _short(card.context), _price(card), then, limits, _key(found, card))


def _limits(rate: Rate) -> str:
    counts = ((rate.requests, "req"), (rate.tokens, "tok"))
    parts = [f"{_short(count)} {unit}" for count, unit in counts if count is not None]
    return f"{' '.join(parts)}/{span(rate.per_s)}"


def _short(tokens: int) -> str:
    """`200k` or `1.05M`: what a table has room for."""
    if tokens >= MILLION:
        return f"{tokens / MILLION:.3g}M"
    return f"{tokens / THOUSAND:.3g}k" if tokens >= THOUSAND else str(tokens)


def _price(card: ModelCard) -> str:
    if not card.priced:
        return "no price"
    if not (card.price.input or card.price.output):
        return "free"
    return f"{card.price.input / NANO_PER_MICRO:g} / {card.price.output / NANO_PER_MICRO:g}"


def _key(found: Cards, card: ModelCard) -> Text:
    if card.alias not in found.keyed:
        return Text("none", style="dim")
    return Text("unset", style="yellow") if card.alias in found.missing_keys else Text("ok", style="green")


def _note_missing(session: Session, found: Cards) -> None:
    for reference in dict.fromkeys(found.missing_keys.values()):
        aliases = ", ".join(f"`{alias}`" for alias, missing in found.missing_keys.items() if missing == reference)
        session.note(f"{reference} is not set: {aliases} cannot be asked from here")
