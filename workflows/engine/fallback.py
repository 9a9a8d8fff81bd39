"""Which model is asked next when one has failed for good."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policies.budget import NOTHING
from policies.capability import Capability
from policies.stages import may
from workflows.contracts.failures import FailureType
from workflows.engine import pricing
from workflows.engine.calling import downshift, next_id
from workflows.engine.notices import tell
from workflows.engine.queue import enqueue
from workflows.engine.requests import request_of

if TYPE_CHECKING:
    from workflows.contracts.failures import ErrorInfo
    from workflows.engine.events import CallFailed
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState

FALLING = frozenset({FailureType.MODEL_FAILED, FailureType.CREDENTIAL, FailureType.MAYBE_BILLED})
"""Failures of whoever was asked. What policy and budget refuse, they refuse whoever is asked."""
RULE = "fallback"


def fall_back(m: Machine, activation: Activation, call: CallState, event: CallFailed, error: ErrorInfo) -> bool:
    """Ask the next model in place of one that failed for good, by a new call; False where the failure stands.

    It stands where the request is at fault, and where an answer came and was paid for, whatever is wrong with it.
    """
    if call.kind != "model" or error.type not in FALLING or event.request or event.billed == "yes":
        return False
    alias = next_alias(m, activation, call)
    if alias is None:
        return False
    tell(m, RULE, f"node `{activation.node}`: model `{call.name}` failed ({error.type}), `{alias}` is asked instead")
    call_id, index = next_id(m, activation)
    most = call.first_tokens or call.max_tokens or 0
    tried = (*call.tried, call.name)
    new = replace(call, id=call_id, index=index, reserve=NOTHING, tried=tried, max_tokens=most, first_tokens=most)
    new.downshifted = False
    downshift(m, new, alias)
    m.state.calls[new.id] = new
    activation.call, activation.recalls = new.id, 0
    enqueue(m, new)
    return True


def next_alias(m: Machine, activation: Activation, call: CallState) -> str | None:
    """The model that stands in for the call's, null if there is none: one of the card's, asked for and granted.

    Those that the first model names come first, then those that they name; none is tried twice, nor one whose calls
    the budget's ladder moves to one that was tried. An agent that is with a stand-in already goes back to the model
    that its visit began with before it goes on.
    """
    if call.kind != "model":
        return None
    done = (*call.tried, call.name)
    home = done[0] if activation.agent is None else m.state.agents[activation.agent].home
    known = [alias for alias in _chain(m, home, done[0]) if alias in m.card.models]
    left = [alias for alias in known if not any(meant in done for meant in _meant(m, alias))]
    if not left:
        return None
    request = request_of(m, call, activation)
    return next((alias for alias in left if may(m.policy, request, Capability("model", alias))), None)


def _meant(m: Machine, alias: str) -> tuple[str, ...]:
    """An alias, and the one that its calls end at where the ladder has begun to move them."""
    moving = m.policy.ladder.downshift is not None and any(rung != "warn" for rung in m.state.rungs.values())
    return (alias, m.policy.downshift.get(alias, alias)) if moving else (alias,)


def _chain(m: Machine, *first: str) -> list[str]:
    """The models to begin with, and all that they lead to."""
    chain = list(dict.fromkeys(first))
    for alias in chain:
        card = m.card.models.get(alias)
        chain += [] if card is None else [one for one in dict.fromkeys(card.fallback) if one not in chain]
    return chain


def tried_before(call: CallState) -> str:
    """What the failure of a model that stood in for others adds to its words; nothing where it did not."""
    names = ", ".join(f"`{alias}`" for alias in call.tried)
    return f"; {names} failed before it" if names else ""


def begin_again(m: Machine, call: CallState) -> None:
    """A person wants the call made again: it begins with the model that was asked first."""
    if not call.tried:
        return
    first, most = call.tried[0], call.first_tokens
    call.tried, call.downshifted = (), False
    downshift(m, call, first)
    pricing.lower_max_tokens(call, min(most, m.card.models[first].context))
