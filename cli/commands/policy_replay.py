"""`detent policy replay`: would another policy have decided otherwise?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click
from rich.text import Text

from cli.context import Session, global_options, pass_session
from cli.exits import CommandError, Exit, usage
from cli.policies import read_policy
from cli.recording import quiet, watch
from cli.rejudging import Rejudged, graph_limits, rejudge
from cli.render.screen import show
from cli.render.text import line
from cli.replaying import read_history

if TYPE_CHECKING:
    from cli.recording import Tape
    from policies.budget import Limits
    from policies.document import PolicyDocument
    from policies.tenant import TenantPolicy


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="HISTORY...")
@click.option("--candidate", required=True, metavar="FILE", help="The policy to decide by.")
@click.option("--tenant", metavar="NAME", help="Whose slice of it (default: the run's own tenant).")
@click.option("--namespace", default="default", show_default=True, help="Where the runs were recorded.")
@click.option("--all", "everything", is_flag=True, help="Print the decisions that stay the same, too.")
@global_options
@pass_session
def replay(  # noqa: PLR0913  one parameter per option
    session: Session, files: tuple[str, ...], candidate: str, tenant: str | None, namespace: str, *, everything: bool
) -> int:
    """Decide the calls of recorded runs again, by a policy that is not in force yet.

    Prints what would be decided otherwise, and exits 3 when anything would be more permissive: a milder verdict,
    fewer questions, or answers that are easier to get. Each decision is taken with the facts that were recorded;
    what would have followed from another one is not played. Prices are those of the runs.
    """
    document = read_policy(candidate)
    histories = [read_history(file) for file in files]
    rows: list[Rejudged] = []
    with quiet(unless=session.debug):
        for file, history in zip(files, histories, strict=True):
            tape = asyncio.run(watch(history, namespace))
            rows += _rows(file, tape, _choice(tape, document, tenant), graph_limits(history))
    shown = [row for row in rows if everything or row.changed]
    if session.as_json:
        session.print_json([row.model_dump(mode="json") for row in shown])
    else:
        show(*map(_line, shown))
        session.note(_count(rows, len(files)))
    return Exit.REFUSED if any(row.looser for row in rows) else Exit.OK


def _rows(file: str, tape: Tape, candidate: TenantPolicy | None, graph: Limits) -> list[Rejudged]:
    if tape.failure is not None:
        message = f"`{file}`: this code does not agree with the history: {line(tape.failure.message, 300)}"
        raise CommandError("ReplayMismatch", message, Exit.FAILED)
    return [] if candidate is None else list(rejudge(file, tape, candidate, graph))


def _choice(tape: Tape, document: PolicyDocument, tenant: str | None) -> TenantPolicy | None:
    """The tenant that was named, else the run's own; null for a run that decided nothing."""
    return _slice(document, tenant or tape.decisions[0].policy.name) if tape.decisions else None


def _slice(document: PolicyDocument, tenant: str) -> TenantPolicy:
    found = document.tenant(tenant)
    if found is None:
        known = ", ".join(f"`{line(name)}`" for name in document.tenants)
        raise usage(f"the candidate has no tenant `{line(tenant)}`, only {known}: choose with `--tenant`")
    return found


def _line(row: Rejudged) -> Text:
    style = "red" if row.looser else "yellow" if row.changed else "dim"
    mark = "▲" if row.looser else "≠" if row.changed else "="
    moment = "after " if row.after_call else ""
    return Text.assemble(
        (f"{mark} ", style),
        f"{line(row.file)}:{row.event}  {moment}{line(row.call)} {line(row.name)}  ",
        (f"{row.before} → {row.after}", style),
        (f"  {line(', '.join(row.rules))}", "dim"),
        (f"  {line(row.looser)}" if row.looser else "", style),
    )


def _count(rows: list[Rejudged], histories: int) -> str:
    changed, looser = sum(row.changed for row in rows), sum(row.looser is not None for row in rows)
    return f"{len(rows)} decisions in {histories} histories: {changed} differ, {looser} more permissive"
