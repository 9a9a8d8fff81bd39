"""`detent pause`, `resume`, `cancel`, `repin`, `steer` and `cancel-call`: control of a run, at its next safe point."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from cli.answers import update
from cli.cluster import Cluster, has_worker, reach, require_worker
from cli.context import Session, global_options, pass_session
from cli.exits import CommandError, invalid, usage
from cli.options import run_argument
from cli.printing import print_view
from cli.render.text import line
from cli.runs import UNANSWERED, find, find_open, open_view
from cli.secrets import refuse_secrets
from cli.voice import Voice, voice_of, voice_options
from workflows.contracts.names import (
    UPDATE_CANCEL,
    UPDATE_CANCEL_CALL,
    UPDATE_PAUSE,
    UPDATE_REPIN,
    UPDATE_RESUME,
    UPDATE_STEER,
)
from workflows.contracts.pause import CallControl, Control, Steer

if TYPE_CHECKING:
    from collections.abc import Callable

    from workflows.contracts.run import RunView

MAX_REASON = 2048
KINDS: dict[str, type[Control]] = {UPDATE_STEER: Steer, UPDATE_CANCEL_CALL: CallControl}
DIGEST_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a run, by whom and why; `about` is what the control says beyond that."""

    run: str
    action: str
    voice: Voice
    reason: str | None
    about: dict[str, object] = field(default_factory=dict)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    reason = click.option("--reason", metavar="TEXT", help="Why; it is recorded.")
    return global_options(voice_options(reason(command)))


@click.command()
@run_argument
@_options
@pass_session
def pause(session: Session, /, run: str, **options: Any) -> None:
    """Hold a run at the next safe point.

    Calls in flight end, and nothing new is started until `detent resume`.
    """
    _print(session, asyncio.run(_control(_wish(run, UPDATE_PAUSE, options))), "held")


@click.command()
@run_argument
@_options
@pass_session
def resume(session: Session, /, run: str, **options: Any) -> None:
    """Lift a hold that `detent pause` made.

    What has a pause id is lifted by `detent answer` alone.
    """
    _print(session, asyncio.run(_control(_wish(run, UPDATE_RESUME, options))), "goes on")


@click.command()
@run_argument
@_options
@pass_session
def cancel(session: Session, /, run: str, **options: Any) -> None:
    """Cancel a run.

    Calls that may be broken off are; those that change something run to their end.
    """
    asyncio.run(_cancel(_wish(run, UPDATE_CANCEL, options)))
    if session.as_json:
        session.print_json({"id": run, "cancel_requested": True})
    else:
        session.answer(f"{line(run)} is being cancelled")


@click.command()
@run_argument
@click.option(
    "--policy-digest", required=True, metavar="D", help="The digest of the tenant's policy that the run is to have."
)
@_options
@pass_session
def repin(session: Session, /, run: str, policy_digest: str, **options: Any) -> None:
    """Put a run under the policy that its workers have now; always signed.

    What was approved for the whole run, and what was granted to it, is void, and open pauses are asked again.
    `detent policy check` prints the digest of each tenant's policy.
    """
    if len(policy_digest) != DIGEST_DIGITS:
        raise usage(f"`--policy-digest {policy_digest[:80]}`: it has {DIGEST_DIGITS} hex digits")
    view = asyncio.run(_control(_wish(run, UPDATE_REPIN, options, policy_digest=policy_digest), signs=True))
    _print(session, view, f"is under policy {policy_digest[:16]}")


@click.command()
@run_argument
@click.argument("text", metavar="TEXT")
@click.option("--agent", metavar="A", help="Which agent, by its node or activation; needed where several are at work.")
@click.option("--interrupt", is_flag=True, help="What the agent wanted and has not begun is not done any more.")
@_options
@pass_session
def steer(session: Session, /, run: str, text: str, agent: str | None, *, interrupt: bool, **options: Any) -> None:
    """Tell an agent something while it works.

    It reads TEXT after the results of its turn. Nothing is answered or undone by it, and what runs ends by itself.
    """
    refuse_secrets({"text": text}, "control")
    wish = _wish(run, UPDATE_STEER, options, text=text, agent=agent, interrupt=interrupt or None)
    words = "hears it, and drops what it has not begun" if interrupt else "hears it"
    _print(session, asyncio.run(_control(wish)), words)


@click.command()
@run_argument
@click.argument("call", metavar="CALL")
@_options
@pass_session
def cancel_call(session: Session, /, run: str, call: str, **options: Any) -> None:
    """Give up one call in flight that changes nothing.

    CALL is its id, `<activation>:<number>`. A call that changes something runs to its end. An agent is told that the
    call was given up; any other node fails with `Cancelled`, and its `on_failure` says what then.
    """
    view = asyncio.run(_control(_wish(run, UPDATE_CANCEL_CALL, options, call=call)))
    _print(session, view, f"gives up {line(call, 200)}")


def _wish(run: str, action: str, options: dict[str, Any], **about: object) -> Wish:
    reason = options["reason"]
    if reason is not None and len(reason) > MAX_REASON:
        raise invalid(f"`--reason`: {len(reason):,} characters are over the limit of {MAX_REASON:,}", kind="TooLarge")
    return Wish(run, action, voice_of(options["identity"], options["key_file"]), reason, about)


async def _control(wish: Wish, *, signs: bool = False) -> RunView:
    cluster = await reach()
    await find_open(cluster, wish.run)
    await require_worker(cluster)
    await _send(cluster, wish, signs=signs)
    return await open_view(cluster, wish.run)


async def _cancel(wish: Wish) -> None:
    """The run hears who cancels it; one that nobody works on, or that does not answer, hears it from the server."""
    cluster = await reach()
    handle = await find_open(cluster, wish.run)
    if await has_worker(cluster):
        try:
            await _send(cluster, wish, signs=False)
        except CommandError as error:
            if error.kind != UNANSWERED:
                raise
        else:
            return
    await handle.cancel()


async def _send(cluster: Cluster, wish: Wish, *, signs: bool) -> None:
    found = await find(cluster, wish.run)
    control = _document(wish)
    said = wish.voice.sign_control(
        control,
        needed=signs,
        action=wish.action,
        namespace=cluster.client.namespace,
        workflow_id=wish.run,
        first_run_id=found.raw_description.workflow_execution_info.first_run_id or found.run_id,
    )
    payload = said.model_dump(mode="json", exclude_none=True)
    await update(cluster, wish.run, wish.action, payload, f"{wish.action}:{uuid.uuid4()}")


def _document(wish: Wish) -> Control:
    """What is sent; exit 7 for what no run would take."""
    kind = KINDS.get(wish.action, Control)
    try:
        return kind.model_validate({"by": wish.voice.id, "reason": wish.reason, **wish.about})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise invalid(f"`{first['loc'][0]}`: {first['msg'].lower()}", kind="InvalidControl") from error


def _print(session: Session, view: RunView, words: str) -> None:
    if session.as_json:
        print_view(session, view)
    else:
        session.answer(f"{line(view.id)} {words} ({view.phase})")
