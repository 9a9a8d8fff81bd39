"""`detent cost`: tokens and money, by run, tenant, graph or model."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from cli.cluster import reach
from cli.context import Session, global_options, pass_session
from cli.costs import COST, By, CostRow, costs, merged, run_row
from cli.exits import usage
from cli.money import dollars, nano_of
from cli.render.tables import print_table
from cli.rows import RunRow
from cli.runs import view_of
from policies.units import read_duration

if TYPE_CHECKING:
    from cli.costs import Amounts
    from workflows.contracts.run import BudgetView, RunView

HEADS = ("", "runs", "cost", "of", "tokens", "of", "reserved", "leased", "overrun", "")
UNIT_HEADS = ("scope", "unit", "used", "of", "reserved", "leased", "overrun")


@click.command()
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--by", type=click.Choice(["run", "tenant", "graph", "model"]), default="run", show_default=True)
@click.option("--since", metavar="DURATION", help="Only runs whose last execution began within it: `24h`, `30d`.")
@global_options
@pass_session
def cost(session: Session, run: str | None, by: By, since: str | None) -> None:
    """What runs may use, have used and hold: tokens and money.

    With RUN, every unit of that run; `--by model` reads histories. A closed run needs no worker; of an open one
    that nobody answers for, what it told last is shown and marked. Costs are exact to the nano-dollar.
    """
    if run is not None and since is not None:
        raise usage("`--since` is for all runs; leave it out for one")
    if run is not None and by in ("tenant", "graph"):
        raise usage(f"`--by {by}` is for all runs; leave out RUN or write `--by model`")
    if run is not None and by == "run":
        _one(session, asyncio.run(_view(run)))
        return
    rows = asyncio.run(_rows(by, _after(since), run))
    if session.as_json:
        session.print_json([row.model_dump(mode="json") for row in rows])
    elif not rows:
        session.note("nothing was used")
    else:
        total = merged("total", rows).model_copy(update={"limit": {}})
        print_table(HEADS, map(_cells, [*rows, total] if len(rows) > 1 else rows), ("bold",))
        _say_what_is_missing(session, rows)


async def _view(run: str) -> RunView:
    return await view_of(await reach(), run)


async def _rows(by: By, since: str | None, run: str | None) -> list[CostRow]:
    return await costs(await reach(), by, since, run)


def _after(since: str | None) -> str | None:
    """The time that a duration reaches back to, RFC 3339."""
    if since is None:
        return None
    try:
        back = timedelta(milliseconds=read_duration(since))
        return (datetime.now(UTC) - back).isoformat()
    except (ValueError, OverflowError) as error:
        raise usage(f"`--since {since}` is no duration: {error}; write `24h` or `30d`") from error


def _one(session: Session, view: RunView) -> None:
    if session.as_json:
        session.print_json([_row_of(view).model_dump(mode="json")])
        return
    rows = [cells for scope, budget in view.budget.items() for cells in _scope_cells(scope, budget)]
    if not rows:
        session.note("the run has told nothing of what it used")
    print_table(UNIT_HEADS, rows, ("dim",))
    _say_what_is_missing(session, [_row_of(view)])


def _row_of(view: RunView) -> CostRow:
    indexed = RunRow(
        id=view.id,
        run_id=view.run_id,
        graph=view.graph,
        tenant=view.tenant,
        phase=view.phase,
        pending=len(view.pauses),
        tokens=view.usage.tokens,
        cost_usd=view.usage.cost_usd,
        started_at=view.started_at,
        ended_at=view.ended_at,
    )
    return run_row(indexed, view if view.budget else None, "run")


def _scope_cells(scope: str, budget: BudgetView) -> list[tuple[object, ...]]:
    units = list(budget.used) or list(budget.limit)
    return [
        (
            scope,
            unit,
            _amount(budget.used, unit) or (dollars(0) if unit == COST else ""),
            _amount(budget.limit, unit, "no limit"),
            *(_amount(part, unit) for part in (budget.reserved, budget.leased, budget.overrun)),
        )
        for unit in units
    ]


def _cells(row: CostRow) -> tuple[object, ...]:
    marks = [f"no price: {', '.join(row.unpriced)}"] if row.unpriced else []
    marks += ["as told last"] if row.partial else []
    marks += [f"{row.uncertain} call{'' if row.uncertain == 1 else 's'} may cost more"] if row.uncertain else []
    return (
        row.name,
        row.runs,
        dollars(row.cost_nano),
        _amount(row.limit, COST),
        _amount(row.used, "tokens"),
        _amount(row.limit, "tokens"),
        _amount(row.reserved, COST),
        _amount(row.leased, COST),
        _amount(row.overrun, COST) or _amount(row.overrun, "tokens"),
        "; ".join(marks),
    )


def _amount(amounts: Amounts | dict[str, int | float], unit: str, without: str = "") -> str:
    value = amounts.get(unit)
    if value is None:
        return without
    if unit == COST:
        return dollars(nano_of(value)) if value else ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f} s"


def _say_what_is_missing(session: Session, rows: list[CostRow]) -> None:
    """Money that nobody can count is never shown as nothing."""
    models = sorted({model for row in rows for model in row.unpriced})
    if models:
        names = ", ".join(f"`{model}`" for model in models)
        session.note(f"not counted: what {names} cost; they have no price (`prices`, `unpriced: allow`)")
