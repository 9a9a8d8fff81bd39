"""`detent gap` and `detent provide`: what a run lacks, and saying that it is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from cli.answering import PROVIDE, make_answer, wire_bytes
from cli.answers import send
from cli.asked import check_asked
from cli.cluster import reach, require_worker
from cli.context import Session, global_options, pass_session
from cli.gaps import choose_gap, gaps_of, provided
from cli.groups import SubGroup
from cli.options import full_option, run_argument
from cli.render.pause import gap_lines, title
from cli.render.screen import show as print_parts
from cli.render.text import block, line
from cli.runs import find_open, pauses_of
from cli.voice import Voice, voice_of, voice_options

if TYPE_CHECKING:
    from workflows.contracts.pause import Answer, AnswerReceipt, PauseView


@click.group(cls=SubGroup)
@global_options
def gap() -> None:
    """What a run lacks."""


@gap.command()
@run_argument
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--prompt", is_flag=True, help="Print what a program that writes tools can work from, and nothing else.")
@full_option
@global_options
@pass_session
def show(session: Session, run: str, name: str | None, *, prompt: bool, full: bool) -> None:
    """Show what a run lacks: who asks for it, why, what for, and how to bring it."""
    pauses = asyncio.run(_pauses(run))
    found = gaps_of(pauses) if name is None else [choose_gap(pauses, name, run)]
    if session.as_json:
        session.print_json([pause.model_dump(mode="json") for pause, _ in found])
        return
    if not found:
        session.note(f"run `{line(run, 200)}` lacks nothing")
    for index, (pause, lacking) in enumerate(found):
        if prompt:
            session.answer(block(lacking.prompt))
        else:
            print_parts(*([Text()] if index else []), title(pause), *gap_lines(lacking, run, full=full))


@click.command()
@run_argument
@click.argument("name", metavar="NAME")
@click.option("--dry-run", is_flag=True, help="Print the answer that would be sent, and send nothing.")
@click.option("--expires", metavar="1h", help="How long a signed answer may be used (default: 1h).")
@voice_options
@global_options
@pass_session
def provide(session: Session, /, run: str, name: str, **options: Any) -> None:
    """Say that what a run lacks is there; a worker looks.

    Exits 0 once the worker has found it, and the run goes on; 5 with the reason where it has not: then the run waits.
    """
    voice = voice_of(options["identity"], options["key_file"], options["expires"])
    made, receipt = asyncio.run(_provide(run, name, voice, dry_run=options["dry_run"]))
    if receipt is None:
        session.answer(wire_bytes(made).decode())
    elif session.as_json:
        session.print_model(receipt)
    elif receipt.waits_for:
        session.answer(f"{line(receipt.pause)}: {receipt.waits_for} more must say so before a worker looks")
    else:
        session.answer(f"{line(name)} is there; {line(receipt.pause)} is closed")


async def _pauses(run: str) -> tuple[PauseView, ...]:
    cluster = await reach()
    await find_open(cluster, run)
    await require_worker(cluster)
    return await pauses_of(cluster, run)


async def _provide(run: str, name: str, voice: Voice, *, dry_run: bool) -> tuple[Answer, AnswerReceipt | None]:
    cluster = await reach()
    await find_open(cluster, run)
    await require_worker(cluster)
    pause, _ = choose_gap(await pauses_of(cluster, run), name, run)
    said = voice.sign_answer(make_answer(pause, PROVIDE, None, voice.id), needed=pause.signed)
    made = check_asked(said, pause, run, cluster.client.namespace)
    if dry_run:
        return made, None
    receipt = await send(cluster, run, made, "update")
    if not receipt.waits_for:
        await provided(cluster, run, pause.id)
    return made, receipt
