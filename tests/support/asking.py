"""Runs that ask people: a policy that knows some, and what each of them says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support import signers
from tests.support.cards import policy_document, run_card
from tests.support.simulator import HOUR_MS, Simulator
from workflows.contracts.pause import Answer, AnswerReceipt, CallControl, Control, Refusal, Steer
from workflows.contracts.run import StarterCard
from workflows.engine import commands, events
from workflows.engine.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.contracts.pause import PauseView

PEOPLE: dict[str, tuple[str, ...]] = {
    "ada": ("operator", "lead"),
    "bob": ("operator",),
    "cy": ("operator", "finance"),
    "dee": ("reader",),
}
RISKY: dict[str, Any] = {
    "graph": "ask",
    "version": "1.0.0",
    "capabilities": [{"tool": ["risky"]}],
    "start": "act",
    "nodes": {"act": {"kind": "tool", "tool": "risky", "with": {"x": 1}, "next": "end"}},
}


def people(*, signed: bool = True) -> dict[str, object]:
    """The part `answerers` of a policy: four people, each with a key."""
    listed = [
        {"id": name, "roles": list(roles), "public_key": signers.public_key(name)} for name, roles in PEOPLE.items()
    ]
    return {"require_signature": signed, "people": listed}


def run_under(document: Mapping[str, Any], *, starter: StarterCard | None = None, **policy: Any) -> Simulator:
    """A run that has been started, under a test policy that knows the people above unless it says otherwise."""
    card = run_card(policy_document(**{"answerers": people(), **policy})).model_copy(update={"starter": starter})
    run = Simulator(dict(document), card)
    run.say("start")
    return run


def said(run: Simulator, answer: Answer) -> AnswerReceipt | Refusal:
    """Give an answer, and hear what became of it."""
    told = [one for one in run.feed(events.AnswerArrived(run.now_ms, answer)) if isinstance(one, commands.TellAnswer)]
    return told[0].outcome


def says(run: Simulator, pause: str, outcome: str, by: str, **fields: object) -> AnswerReceipt | Refusal:
    """Have a person give a signed answer."""
    return said(run, run.signed({"pause": pause, "outcome": outcome, "by": by, **fields}))


def taken(run: Simulator, pause: str, outcome: str, by: str, **fields: object) -> AnswerReceipt:
    """Have a person give a signed answer that is taken."""
    told = says(run, pause, outcome, by, **fields)
    assert isinstance(told, AnswerReceipt), told
    return told


def refused(run: Simulator, pause: str, outcome: str, by: str, **fields: object) -> str:
    """Have a person give a signed answer that is refused, and nothing changes; why it is."""
    told = says(run, pause, outcome, by, **fields)
    assert isinstance(told, Refusal), told
    return told.reason


def sent(run: Simulator) -> list[dict[str, Any]]:
    """What the calls that were made brought with them, each a `Call` as JSON."""
    return [call.payload for call in run.every_call]


def only(run: Simulator) -> PauseView:
    """The one open pause."""
    (pause,) = run.engine.pauses()
    return pause


def control(run: Simulator, action: str, by: str, **fields: object) -> Control:
    """A control of this run, signed; what it is of `steer` and `cancel_call` is among the fields."""
    kinds: dict[str, type[Control]] = {"steer": Steer, "cancel_call": CallControl}
    kind = kinds.get(action, Control)
    times = {"issued_at": rfc3339(run.now_ms), "expires_at": rfc3339(run.now_ms + HOUR_MS)}
    facts = run.facts
    return kind.model_validate(
        signers.signed_control(
            {"by": by, **times, **fields},
            by,
            action=action,
            namespace=facts.namespace,
            workflow_id=facts.workflow_id,
            first_run_id=facts.first_run_id,
        )
    )
