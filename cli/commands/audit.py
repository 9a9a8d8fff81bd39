"""`detent audit`: what was decided and by whom, chained so that it proves itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from cli.cluster import reach
from cli.context import Session, global_options, pass_session
from cli.exits import CommandError, Exit, invalid, usage
from cli.groups import SubGroup
from cli.heads import LEAST_DIGITS, Proof, by_head, by_key
from cli.histories import fetch
from cli.options import FILE, run_argument
from cli.recording import quiet, watch
from cli.render.screen import show
from cli.render.text import json_text, line
from cli.replaying import NOT_WHOLE, read_history
from cli.verifying import AuditProblem, AuditReport, Source, in_order, report, verify
from policies.signing import flaw_of_key

if TYPE_CHECKING:
    from cli.recording import Recorded
    from cli.verifying import Verified

HEAD_MOST = 64
UNPROVEN = "complete up to the last activity; tail not proven"


@click.group(cls=SubGroup)
@global_options
def audit() -> None:
    """What was decided and by whom, chained so that it proves itself."""


@audit.command()
@run_argument
@click.option("-o", "file", type=FILE, metavar="FILE", help="Where to write it (default: stdout).")
@global_options
@pass_session
def export(session: Session, run: str, file: Path | None) -> None:
    """Export a run's audit records, one JSON object a line, over all its executions.

    The records are made by replaying the run's histories here; `head` is each record's digest, `run_id` and
    `history_event` say where in them it comes from.
    """
    with quiet(unless=session.debug):
        lines = asyncio.run(_export(run))
    if file is None:
        for text in lines:
            click.echo(text)
        return
    try:
        file.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
    except OSError as error:
        message = f"cannot write `{file}`: {(error.strerror or str(error)).lower()}"
        raise CommandError("FileError", message, Exit.UNEXPECTED) from error
    if session.as_json:
        session.print_json({"id": run, "file": str(file), "records": len(lines)})
    else:
        session.answer(f"{len(lines)} records of {line(run)} in {line(file)}")


async def _export(run: str) -> list[str]:
    cluster = await reach()
    lines: list[str] = []
    for history in await fetch(cluster, run):
        tape = await watch(history, cluster.client.namespace)
        if tape.failure is not None:
            message = f"this code does not agree with the run's history: {tape.failure.message[:300]}"
            raise CommandError("AuditMismatch", message, Exit.FAILED)
        started = history.events[0].workflow_execution_started_event_attributes
        run_id = started.original_execution_run_id
        lines += [
            json_text({**found.record, **_beside(found), "run_id": run_id, "history_event": found.event})
            for found in tape.records
        ]
    return lines


def _beside(found: Recorded) -> dict[str, object]:
    return {"head": found.head, "beside": dict(found.beside)}


@audit.command(name="verify")
@click.argument("files", nargs=-1, required=True, metavar="HISTORY...")
@click.option("--head", metavar="HEX", help="A head that was kept elsewhere: at least 16 digits of it.")
@click.option("--key", metavar="KEY|FILE", help="The public key that workers sign heads with, `ed25519:...`.")
@click.option("--namespace", default="default", show_default=True, help="Where the runs were recorded.")
@global_options
@pass_session
def verify_command(session: Session, files: tuple[str, ...], head: str | None, key: str | None, namespace: str) -> int:
    """Verify histories offline: is what they say what happened?

    Replays them, makes the audit again, and compares it with every head in them, and what the run asked for
    with what is recorded of that. Exits 5 and names what disagrees. A history that was cut off after its last
    activity, or replaced by another that agrees with itself, shows only by a head or a key.
    """
    found = [_source(file) for file in files]
    known = _key(key)
    if head is not None and not _is_head(head):
        raise usage(f"`--head {head}`: a head is {LEAST_DIGITS} to {HEAD_MOST} hex digits")
    runs = in_order(found)
    if head is not None and len(runs) > 1:
        raise usage(f"`--head` is of one run, and these histories are of {len(runs)}")
    with quiet(unless=session.debug):
        reports = asyncio.run(_verify(runs, head, known, namespace))
    if session.as_json:
        session.print_json([one.model_dump(mode="json") for one in reports])
    else:
        show(*(text for one in reports for text in _lines(one)))
    return Exit.OK if all(one.ok for one in reports) else Exit.FAILED


def _source(file: str) -> Source:
    """A history; one whose events do not even count on is no invalid input, but one that was tampered with (exit 5)."""
    try:
        return Source(file, read_history(file))
    except CommandError as error:
        if error.kind != NOT_WHOLE:
            raise
        raise CommandError(error.kind, f"{error.message}: some were taken out or moved", Exit.FAILED) from error


async def _verify(runs: list[list[Source]], head: str | None, key: str | None, namespace: str) -> list[AuditReport]:
    found = []
    for sources in runs:
        run = await verify(sources, namespace)
        found.append(_proven(run, _proofs(run, head, key, namespace)))
    return found


def _proofs(run: Verified, head: str | None, key: str | None, namespace: str) -> list[Proof]:
    proofs = [] if head is None else [by_head(run.records, head)]
    if key is not None:
        ids: dict[str, Any] = {"workflow_id": run.workflow_id, "first_run_id": run.first_run_id}
        proofs.append(by_key(run.heads, key, namespace=namespace, closed=run.closed, **ids))
    return proofs


def _proven(run: Verified, proofs: list[Proof]) -> AuditReport:
    """The report with what the proofs say: a proof that does not hold is a problem like any other."""
    said = report(run)
    if not proofs:
        return said
    flaws = [AuditProblem(file=said.files[-1], event=None, message=proof.flaw) for proof in proofs if proof.flaw]
    problems = (*said.problems, *flaws)
    proven = None if problems else max(proof.seq for proof in proofs)
    return said.model_copy(update={"problems": problems, "ok": not problems, "proven": proven})


def _key(given: str | None) -> str | None:
    """The key, or the content of the file that holds it."""
    if given is None:
        return None
    text = given
    if not given.startswith("ed25519:"):
        try:
            text = Path(given).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise invalid(
                f"`--key {given}` is neither `ed25519:...` nor a file that can be read", kind="FileError"
            ) from error
    flaw = flaw_of_key(text)
    if flaw is not None:
        raise usage(f"`--key`: {flaw}")
    return text


def _is_head(text: str) -> bool:
    return LEAST_DIGITS <= len(text) <= HEAD_MOST and all(char in "0123456789abcdef" for char in text.lower())


def _lines(found: AuditReport) -> list[Text]:
    name = line(found.workflow_id, 200)
    if not found.ok:
        rows = [Text.assemble(("✗ ", "red"), (name, "bold"))]
        return rows + [Text.assemble("  ", (_where(problem), "red")) for problem in found.problems]
    state = "closed" if found.closed else "goes on in a later history" if found.carried else "open"
    shown = f"{found.records} records, {state}, head {found.head}" if found.records else f"no records, {state}"
    rows = [Text.assemble(("✓ ", "green"), (name, "bold"), (f"  {shown}", ""))]
    if found.begins > 1:
        rows.append(Text(f"  records 1 to {found.begins - 1} are in earlier histories: only their head is known here"))
    if found.proven is None:
        rows.append(Text(f"  {UNPROVEN}: give `--head` or `--key`", style="yellow"))
    elif found.proven < found.records:
        rows.append(Text(f"  proven up to record {found.proven}; {UNPROVEN}", style="yellow"))
    else:
        rows.append(Text("  proven to its last record", style="green"))
    return rows


def _where(problem: AuditProblem) -> str:
    at = "" if problem.event is None else f", event {problem.event}"
    first, last = problem.records or (0, 0)
    span = "" if problem.records is None else f" (record {first})" if first == last else f" (records {first} to {last})"
    return f"{line(problem.file)}{at}: {line(problem.message)}{span}"
