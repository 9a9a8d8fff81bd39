"""What runs may use, have used and hold, by run, tenant, graph or model."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import Field

from activities.ports import BlobError
from cli.exits import CommandError
from cli.histories import fetch
from cli.listing import list_runs
from cli.model_costs import model_uses
from cli.money import NANO, nano_of
from cli.runs import view_of
from workflows.contracts.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cli.cluster import Cluster
    from cli.rows import RunRow
    from workflows.contracts.run import BudgetView, RunView

By: TypeAlias = Literal["run", "tenant", "graph", "model"]
Amounts: TypeAlias = dict[str, int | float | None]
AT_ONCE = 64
"""Runs that are asked at once."""
PATIENCE = timedelta(seconds=3)
"""How long each of many runs is waited for: where nobody works on one, the server's index says what it used last."""
COST = "cost_usd"


class CostRow(Wire):
    """What one run, or all of one tenant, graph or model, may use, has used, holds and holds of its tenant's budget.

    Amounts are by unit: `tokens cost_usd steps wall_clock tool_calls`; a limit of null is unlimited. A limit is the
    run's own, or the tenant's; graphs and models have none. `cost_nano` is the cost in whole nano-dollars.
    `unpriced` are models whose calls cost something that is not counted. `partial`: nobody could be asked, so this
    is what the run told last. `uncertain` counts model calls whose bill nobody knows.
    """

    name: str
    runs: int = 1
    cost_nano: int = 0
    limit: Amounts = Field(default={})
    used: Amounts = Field(default={})
    reserved: Amounts = Field(default={})
    leased: Amounts = Field(default={})
    overrun: Amounts = Field(default={})
    unpriced: tuple[str, ...] = ()
    partial: bool = False
    uncertain: int = 0


async def costs(cluster: Cluster, by: By, since: str | None, run: str | None = None) -> list[CostRow]:
    """A row per group, the dearest first."""
    if by == "model":
        names = [run] if run is not None else [row.id async for row in list_runs(cluster, None, None, since)]
        return await _by_model(cluster, names)
    runs = [row async for row in list_runs(cluster, None, None, since)]
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(row: RunRow) -> tuple[RunRow, RunView | None]:
        async with slots:
            return row, await _view(cluster, row)

    groups: dict[str, list[CostRow]] = {}
    for row, view in await asyncio.gather(*map(one, runs)):
        groups.setdefault(_name(row, by), []).append(run_row(row, view, by))
    return _dearest(merged(name, found) for name, found in groups.items())


async def _view(cluster: Cluster, row: RunRow) -> RunView | None:
    """What the run says of itself; null where nobody answers, it was ended from outside, or its result is elsewhere."""
    try:
        view = await view_of(cluster, row.id, PATIENCE)
    except (CommandError, BlobError):
        return None
    return view if view.budget else None


def _name(row: RunRow, by: By) -> str:
    return {"run": row.id, "tenant": row.tenant, "graph": row.graph}[by]


def run_row(row: RunRow, view: RunView | None, by: By) -> CostRow:
    """One run's row, from its view or from what the server's index says of it."""
    if view is None:
        used: Amounts = {"tokens": row.tokens, COST: row.cost_usd}
        return CostRow(name=row.id, cost_nano=nano_of(row.cost_usd), used=used, partial=True)
    run, tenant = view.budget.get("lifetime"), view.budget.get("tenant")
    scope = {"run": run, "tenant": tenant}.get(by)
    return CostRow(
        name=row.id,
        cost_nano=nano_of(view.usage.cost_usd),
        limit={} if scope is None else dict(scope.limit),
        used=_amounts(run, "used"),
        reserved=_amounts(run, "reserved"),
        leased=_amounts(tenant, "leased"),
        overrun=_amounts(run, "overrun"),
        unpriced=view.usage.unpriced,
    )


def _amounts(scope: BudgetView | None, which: Literal["used", "reserved", "leased", "overrun"]) -> Amounts:
    return {} if scope is None else dict(getattr(scope, which))


def merged(name: str, rows: Sequence[CostRow]) -> CostRow:
    """Several rows as one; the limit is that of the first, which is the newest run's."""
    return CostRow(
        name=name,
        runs=sum(row.runs for row in rows),
        cost_nano=sum(row.cost_nano for row in rows),
        limit=next((row.limit for row in rows if row.limit), {}),
        used=_sum(row.used for row in rows),
        reserved=_sum(row.reserved for row in rows),
        leased=_sum(row.leased for row in rows),
        overrun=_sum(row.overrun for row in rows),
        unpriced=tuple(sorted({model for row in rows for model in row.unpriced})),
        partial=any(row.partial for row in rows),
        uncertain=sum(row.uncertain for row in rows),
    )


def _sum(all_amounts: Iterable[Amounts]) -> Amounts:
    """Amounts added up; money in nano-dollars, so that nothing is lost."""
    total: dict[str, int | float] = {}
    nano = 0
    for amounts in all_amounts:
        for unit, amount in amounts.items():
            if unit == COST:
                nano += nano_of(amount or 0)
            total[unit] = nano / NANO if unit == COST else total.get(unit, 0) + (amount or 0)
    return dict(total)


async def _by_model(cluster: Cluster, names: Iterable[str]) -> list[CostRow]:
    """What each model used, from the results of its calls."""
    rows: dict[str, list[CostRow]] = {}
    for name in names:
        for model, use in model_uses(await fetch(cluster, name)).items():
            used: Amounts = {"tokens": use.tokens, COST: use.cost_nano / NANO}
            unpriced = () if use.priced else (model,)
            row = CostRow(name=model, cost_nano=use.cost_nano, used=used, unpriced=unpriced, uncertain=use.uncertain)
            rows.setdefault(model, []).append(row)
    return _dearest(merged(model, found) for model, found in rows.items())


def _dearest(rows: Iterable[CostRow]) -> list[CostRow]:
    return sorted(rows, key=lambda row: (-row.cost_nano, -int(row.used.get("tokens") or 0), row.name))
