"""Evidence of people's yes that a call may rest on."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from policies.capability import Capability, CapabilitySet
from policies.evidence import covered_by, parse_time
from policies.model import Trigger
from workflows.engine.asking import asked_call
from workflows.engine.needs import needs_of
from workflows.engine.permit_state import PermitState
from workflows.engine.provided import asked_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workflows.contracts.calls import Permit
    from workflows.engine.machine import Machine
    from workflows.engine.permit_state import GrantState
    from workflows.engine.state import CallState


def find(m: Machine, call: CallState) -> PermitState | None:
    """The yes that covers a call: its own, else one of scope `run`, else a standing approval."""
    if call.permit is not None:
        return call.permit if _stands(m, call.permit.answers) else None
    return _approval(m, call) if m.state.approvals or m.card.approvals else None


def granted(m: Machine) -> CapabilitySet | None:
    """What people granted to the run beyond the policy; null for nothing."""
    given = tuple(text for grant in _standing_grants(m) for text in grant.capabilities)
    return _parsed(given) if given else None


def grants_of(m: Machine, call: CallState) -> list[GrantState]:
    """The grants that a call rests on: one for each need that it would not have without them."""
    grants = _standing_grants(m)
    if not grants:
        return []
    asked = asked_of(m, m.state.activations[call.activation])
    lacking = [need for need in needs_of(m, call) if not (m.policy.allow.covers(need) and asked.covers(need))]
    found = {grant.permit.digest: grant for need in lacking if (grant := _covering(grants, need)) is not None}
    return list(found.values())


def covers(grant: GrantState, need: Capability) -> bool:
    """Whether a grant covers one need."""
    return _parsed(tuple(grant.capabilities)).covers(need)


def _covering(grants: Sequence[GrantState], need: Capability) -> GrantState | None:
    return next((grant for grant in grants if covers(grant, need)), None)


def _standing_grants(m: Machine) -> list[GrantState]:
    return [grant for grant in m.state.grants if _stands(m, grant.permit.answers)]


def _approval(m: Machine, call: CallState) -> PermitState | None:
    asked = asked_call(m, call).model_dump(mode="json", exclude={"args"})
    for permit in m.state.approvals:
        if _stands(m, permit.answers) and not covered_by(permit.asked, asked, policy_digest=m.card.policy_digest):
            return permit
    for standing in m.card.approvals:
        if _stands(m, standing.answers) and not covered_by(standing.asked, asked, policy_digest=None):
            return _of_card(standing)
    return None


def _stands(m: Machine, answers: Sequence[Mapping[str, object]]) -> bool:
    """Whether no answer has expired: the worker that makes the call would not take it any more."""
    return all(_expires_ms(answer) > m.state.now_ms for answer in answers if answer.get("expires_at") is not None)


def _expires_ms(answer: Mapping[str, object]) -> int:
    return parse_time(answer["expires_at"]) or 0


def _of_card(permit: Permit) -> PermitState:
    return PermitState(
        pause=permit.pause,
        triggers=tuple(Trigger(trigger) for trigger in permit.triggers),
        by=permit.by,
        digest=permit.digest,
        outcome=permit.outcome,
        scope=permit.scope,
        asked=permit.asked,
        answers=list(permit.answers),
    )


@lru_cache(maxsize=256)
def _parsed(texts: tuple[str, ...]) -> CapabilitySet:
    """Capabilities from their text: only a pattern holds colons beyond the first."""
    pairs = (text.partition(":") for text in texts)
    return CapabilitySet(tuple(Capability(kind, pattern) for kind, _, pattern in pairs))
