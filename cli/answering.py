"""An answer to a pause, made and checked before it is sent: which pause is meant, and whether the answer fits it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import ValidationError

from cli.exits import invalid, unknown, usage
from cli.payload import check_size
from cli.render.text import line
from cli.secrets import refuse_secrets
from policies.canonical import canonical
from workflows.contracts.pause import Answer
from workflows.language.schema import validate_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflows.contracts.pause import PauseView

Scope: TypeAlias = Literal["once", "run", "tenant"]
HUMAN = "on_human_node"
RAISE = "raise"
PROVIDE, SUBSTITUTE = "provide", "substitute"
NONCE_BYTES = 8
WITH_DATA = frozenset({RAISE, "retry", SUBSTITUTE})
"""Outcomes of policy's pauses that may say more than a word; the run knows what it takes."""


def choose(pauses: Sequence[PauseView], pause: str | None, run: str) -> PauseView:
    """The pause that is meant: the one named, or the only one open. Exit 8 if there is none, 2 if it must be named."""
    if not pauses:
        raise unknown(f"run `{line(run, 200)}` has no open pause")
    if pause is None:
        if len(pauses) > 1:
            raise usage(f"run `{line(run, 200)}` has {len(pauses)} open pauses; name one of {_ids(pauses)}")
        return pauses[0]
    for candidate in pauses:
        if candidate.id == pause:
            return candidate
    message = f"run `{line(run, 200)}` has no open pause `{line(pause, 200)}`: unknown, or already answered"
    raise unknown(f"{message}; open: {_ids(pauses)}")


def choose_lacking(pauses: Sequence[PauseView], capability: str, run: str) -> PauseView:
    """The pause that asks for this capability; exit 8 if none does, 2 if several do."""
    lacking = [pause for pause in pauses if capability in pause.lacks]
    if not lacking:
        lacks = ", ".join(f"`{line(lack)}`" for pause in pauses for lack in pause.lacks) or "nothing"
        message = f"run `{line(run, 200)}` does not ask for `{line(capability, 200)}`"
        raise unknown(f"{message}; it asks for {lacks}")
    if len(lacking) > 1:
        message = f"{len(lacking)} open pauses ask for `{line(capability, 200)}`: {_ids(lacking)}"
        raise usage(f"{message}; name one with `detent answer RUN PAUSE grant`")
    return lacking[0]


def check_policy_pause(pause: PauseView, verb: str) -> None:
    """Refuse `approve`, `deny` and `grant` where it is not policy that asks, or not for that (exit 2)."""
    if pause.trigger == HUMAN or verb not in pause.outcomes:
        outcomes = ", ".join(f"`{line(outcome)}`" for outcome in pause.outcomes)
        message = f"`detent {verb}` answers what policy asks; pause `{line(pause.id)}` is `{line(pause.trigger)}`"
        raise usage(f"{message}: use `detent answer` with one of {outcomes}")


def make_answer(pause: PauseView, outcome: str, data: object, by: str, scope: Scope = "once") -> Answer:
    """The answer, not signed yet: a wrong outcome or a payload that does not fit the pause's form is exit 7."""
    if outcome not in pause.outcomes:
        outcomes = ", ".join(f"`{line(known)}`" for known in pause.outcomes)
        raise invalid(
            f"pause `{line(pause.id)}` has no outcome `{line(outcome, 64)}`; it has {outcomes}", kind="InvalidAnswer"
        )
    refuse_secrets(data, "answer")
    data = _fitting(pause, outcome, data)
    try:
        answer = Answer(
            pause=pause.id,
            digest=pause.digest or None,
            outcome=outcome,
            scope=scope,
            data=data,
            by=by,
            nonce=secrets.token_hex(NONCE_BYTES) if outcome == PROVIDE else None,  # each time a worker looks again
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise invalid(f"the answer's `{field}`: {first['msg'].lower()}", kind="InvalidAnswer") from error
    check_size(len(wire_bytes(answer)), "the answer")
    return answer


def wire_bytes(answer: Answer) -> bytes:
    """The canonical JSON of an answer, without what is not set: what is sent."""
    return canonical(answer.model_dump(mode="json", exclude_none=True))


def _fitting(pause: PauseView, outcome: str, data: object) -> object:
    """The data, if it is what the pause takes; left out, it is the empty map where that fits the form."""
    if pause.form is not None:
        problems = validate_value(pause.form, data)
        if problems and data is None and not validate_value(pause.form, {}):
            return {}
    elif pause.trigger == HUMAN:
        problems = []
    elif outcome == "complete":
        fits = isinstance(data, dict) and set(data) == {"result"}
        problems = [] if fits else ['it must be {"result": ...}, the result that the call would have had']
    else:
        fits = data is None or outcome in WITH_DATA
        problems = [] if fits else [f"outcome `{line(outcome)}` takes none"]
    if problems:
        message = f"the data does not fit pause `{line(pause.id)}`: {'; '.join(map(line, problems))}"
        raise invalid(f"{message}; `--data` gives it", kind="InvalidAnswer")
    return data


def _ids(pauses: Sequence[PauseView]) -> str:
    return ", ".join(f"`{line(pause.id)}`" for pause in pauses)
