"""A tenant's book as the Temporal UI shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.units import NANO

if TYPE_CHECKING:
    from policies.budget import Amount
    from workflows.ledger.book import Book


def page(book: Book) -> str:
    """A table of what is spent in each window and what is leased now."""
    head = ["| | tokens | cost_usd | steps | tool_calls |", "|---|---|---|---|---|"]
    rows = [_row(f"{per} {spent.period}", spent.amount) for per, spent in book.windows.items()]
    held = sum(holder.live for holder in book.holders.values())
    lost = sum(holder.lapsed is not None for holder in book.holders.values())
    note = f"\n\n{lost} leases expired and are counted as spent until somebody knows better" if lost else ""
    return "\n".join([*head, *rows, _row(f"leased to {held} runs", book.leased)]) + note


def _row(name: str, amount: Amount) -> str:
    cost = f"{amount.cost_nano / NANO:,.12g}"
    return f"| {name} | {amount.tokens:,} | {cost} | {amount.steps:,} | {amount.tool_calls:,} |"
