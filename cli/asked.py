"""Whether the digest that a person is about to sign is that of the question that they were shown.

A question is shown by whichever worker the server asks for it, and whoever has the namespace can be that worker: it
could show a harmless call beside the digest of another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.exits import CommandError, Exit
from cli.render.text import line
from policies.canonical import NotCanonical, digest
from policies.coverage import measured
from workflows.engine.digest import pause_digest, text_digest

if TYPE_CHECKING:
    from workflows.contracts.pause import Answer, PauseView


def check_asked(made: Answer, pause: PauseView, run: str, namespace: str) -> Answer:
    """The answer; exit 5 if it is signed, and what it signs is not what the pause shows."""
    flaw = None if made.signature is None else why_other(pause, run, namespace)
    if flaw is None:
        return made
    message = f"what pause `{line(pause.id)}` shows is not what would be signed: {flaw}; nothing was sent"
    raise CommandError("ForgedQuestion", f"{message}; see which workers answer for this run", Exit.FAILED)


def why_other(pause: PauseView, run: str, namespace: str) -> str | None:
    """Which part of a shown question its digest is not of; null where it is of all of them."""
    try:
        if pause_digest(pause.asked) != pause.digest:
            return "`digest`"
        shown = _shown(pause, run, namespace)
    except NotCanonical:
        return "it is not JSON"
    return next((f"`{name}`" for name, value in shown.items() if pause.asked.get(name) != value), None)


def _shown(pause: PauseView, run: str, namespace: str) -> dict[str, object]:
    """What must stand in the question for it to be the one that is shown."""
    call = None if pause.call is None else pause.call.model_dump(mode="json")
    args = None if call is None else call.pop("args")
    if call is not None and args is not None:
        call["args_digest"], call["args_bytes"] = measured(args, model=call["model"] is not None)
    in_words = pause.error is not None or pause.gap is not None or (call is None and pause.activation)
    worded = {"text_digest": text_digest(pause.ask, pause.show, pause.error)} if in_words else {}
    return {
        "namespace": namespace,
        "workflow_id": run,
        "pause_id": pause.id,
        "activation": pause.activation,
        "triggers": list(pause.triggers),
        "calls": [] if call is None else [call],
        "outcomes": list(pause.outcomes),
        "form_digest": None if pause.form is None else digest(pause.form),
        "answerers": list(pause.answerers),
        "quorum": pause.quorum,
        "deadline": pause.deadline,
        **worded,
    }
