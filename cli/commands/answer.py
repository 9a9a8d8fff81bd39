"""`detent answer`, `approve`, `deny` and `grant`: a person's word on a pause."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cli.answering import Scope, check_policy_pause, choose, choose_lacking, make_answer, wire_bytes
from cli.answers import send
from cli.asked import check_asked
from cli.cluster import reach, require_worker
from cli.context import Session, global_options, pass_session
from cli.exits import usage
from cli.options import run_argument
from cli.payload import json_value
from cli.render.text import line
from cli.runs import find_open, pauses_of
from cli.voice import Voice, voice_of, voice_options
from policies.signing import answer_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from workflows.contracts.pause import Answer, AnswerReceipt, PauseView


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says: about which run and pause, and how it is to be sent. `lack` is what a grant is of."""

    run: str
    pause: str | None
    outcome: str
    data: object
    voice: Voice
    scope: Scope
    way: str
    dry_run: bool
    policy_verb: bool = False
    lack: str | None = None


def _sending(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--dry-run", is_flag=True, help="Print the bytes that would be signed and sent, and send nothing."
        ),
        click.option(
            "--by",
            "way",
            type=click.Choice(["update", "signal"]),
            default="update",
            show_default=True,
            help="How it is sent: an update is answered, a signal is only delivered.",
        ),
        click.option("--expires", metavar="1h", help="How long a signed answer may be used (default: 1h; run: 24h)."),
        voice_options,
    ):
        command = option(command)
    return global_options(command)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--scope",
            type=click.Choice(["once", "run", "tenant"]),
            default="once",
            show_default=True,
            help="What an approval covers: this call, like calls of this run, like calls of all runs of its tenant.",
        ),
        click.option("--data", metavar="JSON|@FILE", help="The payload, where the pause takes one."),
    ):
        command = option(command)
    return _sending(command)


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
    _answer(session, _word(run, pause, words[-1], options))


@click.command()
@run_argument
@click.argument("pause", required=False, metavar="[PAUSE]")
@_options
@pass_session
def approve(session: Session, /, run: str, pause: str | None, **options: Any) -> None:
    """Approve what policy asks about."""
    _answer(session, _word(run, pause, "approve", options, policy_verb=True))


@click.command()
@run_argument
@click.argument("pause", required=False, metavar="[PAUSE]")
@_options
@pass_session
def deny(session: Session, /, run: str, pause: str | None, **options: Any) -> None:
    """Deny what policy asks about."""
    _answer(session, _word(run, pause, "deny", options, policy_verb=True))


@click.command()
@run_argument
@click.argument("capability", metavar="CAPABILITY")
@_sending
@pass_session
def grant(session: Session, /, run: str, capability: str, **options: Any) -> None:
    """Grant a run the capability that it lacks, as its pause names it.

    For example `net:api.example.org`: the policy must say that it may be granted, and the run must ask for it.
    """
    _answer(session, _word(run, None, "grant", options, policy_verb=True, lack=capability))


def _word(run: str, pause: str | None, outcome: str, options: dict[str, Any], **more: Any) -> Word:
    data = options.get("data")
    payload = json_value(data, "`--data`") if data is not None else None
    voice = voice_of(options["identity"], options["key_file"], options["expires"])
    scope = options.get("scope", "once")
    return Word(run, pause, outcome, payload, voice, scope, options["way"], options["dry_run"], **more)


def _answer(session: Session, word: Word) -> None:
    made, receipt = asyncio.run(_send(word))
    if receipt is None:
        _show(session, made)
    elif session.as_json:
        session.print_model(receipt)
    else:
        more = f"; {receipt.waits_for} more must say the same" if receipt.waits_for else ""
        session.answer(f"{line(receipt.pause)} answered `{line(receipt.outcome)}` by {line(receipt.by)}{more}")


def _show(session: Session, made: Answer) -> None:
    """What would be sent; of a signed answer also what is signed, with its domain."""
    if made.signature is None:
        session.answer(wire_bytes(made).decode())
        return
    said = answer_bytes(made.model_dump(mode="json", exclude_none=True))
    if session.as_json:
        sent = made.model_dump(mode="json", exclude_none=True)
        session.print_json({"signed_base64": base64.b64encode(said).decode(), "sent": sent})
        return
    domain, _, body = said.partition(b"\0")
    session.answer(f"signed {domain.decode()}\\0{body.decode()}")
    session.answer(f"sent   {wire_bytes(made).decode()}")


async def _send(word: Word) -> tuple[Answer, AnswerReceipt | None]:
    cluster = await reach()
    await find_open(cluster, word.run)
    await require_worker(cluster)
    pauses = await pauses_of(cluster, word.run)
    found = choose(pauses, word.pause, word.run) if word.lack is None else choose_lacking(pauses, word.lack, word.run)
    made = check_asked(_made(word, found), found, word.run, cluster.client.namespace)
    return made, None if word.dry_run else await send(cluster, word.run, made, word.way)


def _made(word: Word, pause: PauseView) -> Answer:
    if word.policy_verb:
        check_policy_pause(pause, word.outcome)
    if word.scope != "once" and word.outcome != "approve":
        raise usage(
            f"`--scope {word.scope}` goes with `approve` of what policy asks; `{line(word.outcome)}` is said once"
        )
    made = make_answer(pause, word.outcome, word.data, word.voice.id, word.scope)
    return word.voice.sign_answer(made, needed=pause.signed)
