"""Who may answer a pause: what the policy wants of its triggers, tightened by what the graph asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policies.evidence import Standard, escalated, standard_of, strictest
from policies.people import ROLE, admits, can_sign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.model import Trigger
    from policies.people import Person
    from workflows.engine.machine import Machine
    from workflows.engine.state import PauseState
    from workflows.language.graph import HumanNode


def at_first(m: Machine, triggers: Sequence[Trigger], node: HumanNode | None = None) -> Standard:
    """What is wanted when the pause opens; a human node may narrow who answers and raise how many."""
    wanted = standard_of(m.policy, triggers)
    if node is None:
        return wanted
    return strictest([wanted, Standard(node.answerers, node.quorum, node.not_starter)])


def in_the_end(m: Machine, pause: PauseState) -> Standard | None:
    """What is wanted once the pause has escalated; null where the policy does not say to whom."""
    wanted = escalated(m.policy, pause.triggers)
    return None if wanted is None else replace(wanted, not_starter=wanted.not_starter or pause.not_starter)


def wanted_of(m: Machine, pause: PauseState, outcome: str | None = None) -> Standard:
    """What an answer to an open pause must be; some outcomes take a signature whatever the policy says."""
    said = standard_of(m.policy, pause.triggers, outcome=outcome)
    signed = said.signed or pause.not_starter or pause.quorum > 1 or m.policy.answerers.require_signature
    return Standard(pause.answerers, pause.quorum, pause.not_starter, signed)


def starter_of(m: Machine) -> tuple[str, str] | None:
    """Who started the run and how that is known."""
    starter = m.card.starter
    return None if starter is None else (starter.id, starter.assurance)


def why_nobody(m: Machine, wanted: Standard) -> str | None:
    """Why no answer could ever be taken, in words for who wrote policy and graph; null when one could."""
    starter = starter_of(m)
    if wanted.not_starter and (starter is None or starter[1] != "signed"):
        return "whoever started the run may not answer, and nobody signed its start: use `--as ID --key-file F`"
    if not wanted.signed and _open_to_claims(m, wanted):
        return None
    barred = starter[0] if wanted.not_starter and starter is not None else None
    able = [person for person in m.policy.answerers.people if person.id != barred and _may(m, wanted, person)]
    if len(able) >= wanted.quorum:
        return None
    how = "who may answer and can sign" if wanted.signed else "who may answer"
    who = f" ({' or '.join(wanted.answerers)})" if wanted.answerers else ""
    but = f"; `{barred}` started the run and may not answer" if barred is not None else ""
    return f"{wanted.quorum} must answer, and the operator's policy knows {len(able)} {how}{who}{but}"


def _may(m: Machine, wanted: Standard, person: Person) -> bool:
    named = admits(wanted.answerers, person.id, person.roles)
    return named and (not wanted.signed or can_sign(person, m.policy.revoked))


def _open_to_claims(m: Machine, wanted: Standard) -> bool:
    """Whether somebody whom the policy does not know may answer: by an id alone, or because it knows nobody."""
    if not m.policy.answerers.people or not wanted.answerers:
        return True
    return any(ROLE not in entry for entry in wanted.answerers)
