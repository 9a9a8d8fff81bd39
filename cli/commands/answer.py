"""`detent answer`, `approve` and `deny`: a person's word on a pause."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cli.answering import check_policy_pause, choose, make_answer, wire_bytes
from cli.answers import send
from cli.cluster import reach, require_worker
from cli.context import Session, global_options, pass_session
from cli.exits import not_yet, usage
from cli.identity import claimed_id
from cli.options import run_argument
from cli.payload import json_value
from cli.render.text import line
from cli.runs import find_open, pauses_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from workflows.contracts.pause import Answer, AnswerReceipt, PauseView


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says: about which run and pause, and how it is to be sent."""

    run: str
    pause: str | None
    outcome: str
    data: object
    by: str
    way: str
    dry_run: bool
    policy_verb: str | None = None


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--dry-run", is_flag=True, help="Print the bytes that would be sent, and send nothing."),
        click.option(
            "--by",
            "way",
            type=click.Choice(["update", "signal"]),
            default="update",
            show_default=True,
            help="How it is sent: an update is answered, a signal is only delivered.",
        ),
        click.option("--key-file", metavar="F", help="Not there yet: sign the answer."),
        click.option("--as", "identity", metavar="ID", help="Who answers (default: the login's name)."),
        click.option(
            "--scope",
            type=click.Choice(["once", "run", "tenant"]),
            default="once",
            show_default=True,
            help="What a yes covers; only `once` is there yet.",
        ),
        click.option("--data", metavar="JSON|@FILE", help="The payload, where the pause has a form."),
    ):
        command = option(command)
    return global_options(command)


@click.command()
@run_argument
@click.argument("words", nargs=-1, required=True, metavar="[PAUSE] OUTCOME")
@_options
@pass_session
def answer(session: Session, /, run: str, words: tuple[str, ...], **options: Any) -> None:
    """Answer a pause.

    PAUSE may be left out where the run has only one open. `detent pending RUN` lists them with their outcomes.
    """
    if len(words) > 2:  # noqa: PLR2004 - PAUSE and OUTCOME
        raise usage(f"too many words after the run: `{' '.join(words)}`; write `detent answer RUN [PAUSE] OUTCOME`")
    pause = words[0] if len(words) == 2 else None  # noqa: PLR2004 - as above
    _answer(session, _word(run, pause, words[-1], **options))


@click.command()
@run_argument
@click.argument("pause", required=False, metavar="[PAUSE]")
@_options
@pass_session
def approve(session: Session, /, run: str, pause: str | None, **options: Any) -> None:
    """Approve what policy asks about."""
    _answer(session, _word(run, pause, "approve", policy_verb="approve", **options))


@click.command()
@run_argument
@click.argument("pause", required=False, metavar="[PAUSE]")
@_options
@pass_session
def deny(session: Session, /, run: str, pause: str | None, **options: Any) -> None:
    """Deny what policy asks about."""
    _answer(session, _word(run, pause, "deny", policy_verb="deny", **options))


def _word(run: str, pause: str | None, outcome: str, policy_verb: str | None = None, **options: Any) -> Word:
    if options["scope"] != "once":
        raise not_yet(f"--scope {options['scope']}")
    if options["key_file"] is not None:
        raise not_yet("--key-file")
    payload = json_value(options["data"], "`--data`") if options["data"] is not None else None
    by = claimed_id(options["identity"])
    return Word(run, pause, outcome, payload, by, options["way"], options["dry_run"], policy_verb)


def _answer(session: Session, word: Word) -> None:
    made, receipt = asyncio.run(_send(word))
    if receipt is None:
        session.answer(wire_bytes(made).decode())
    elif session.as_json:
        session.print_model(receipt)
    else:
        session.answer(f"{line(receipt.pause)} answered `{line(receipt.outcome)}` by {line(receipt.by)}")


async def _send(word: Word) -> tuple[Answer, AnswerReceipt | None]:
    cluster = await reach()
    await find_open(cluster, word.run)
    await require_worker(cluster)
    made = _made(word, choose(await pauses_of(cluster, word.run), word.pause, word.run))
    return made, None if word.dry_run else await send(cluster, word.run, made, word.way)


def _made(word: Word, pause: PauseView) -> Answer:
    if word.policy_verb is not None:
        check_policy_pause(pause, word.policy_verb)
    return make_answer(pause, word.outcome, word.data, word.by)
