"""A decided call on the wire: what history keeps of it, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.model import Verdict
from workflows.contracts.names import ENGINE
from workflows.engine import auditing, permits
from workflows.engine.digest import decision_digest, idempotency_key
from workflows.engine.fallback import next_alias
from workflows.engine.needs import subject_digest

if TYPE_CHECKING:
    from policies.model import Decision
    from workflows.engine.machine import Machine
    from workflows.engine.permit_state import PermitState
    from workflows.engine.state import Activation, CallState


TOOL_DIGITS = 12
"""How many digits of its tool's digest a call carries: by them a worker tells a tool that has changed."""


def decided(m: Machine, call: CallState, decision: Decision) -> dict[str, object]:
    """The `DecisionRecord` that rides in the call, as JSON."""
    policy = m.card.policy_digest[:16]
    rules = list(decision.rules)
    verdict = Verdict.MODIFY if decision.verdict is Verdict.MODIFY else Verdict.ALLOW
    covered = decision_digest(
        engine=ENGINE,
        kind=call.kind,
        name=call.name,
        args_digest=call.args_digest,
        tool_digest=subject_digest(m, call),
        policy=policy,
        verdict=verdict.value,
        rules=rules,
    )
    return {"verdict": verdict.value, "rules": rules, "policy": policy, "digest": covered}


def payload(m: Machine, call: CallState, activation: Activation, record: dict[str, object]) -> dict[str, object]:
    """The `Call` as JSON: what has its default is left out, because history keeps every byte."""
    found: dict[str, object] = {
        "v": 1,
        "name": call.name,
        "args": call.args,
        "activation": m.owner_of(activation).id,
        "index": call.index,
        "node": activation.node,
        "key": idempotency_key(
            namespace=m.run.namespace,
            workflow_id=m.run.workflow_id,
            first_run_id=m.run.first_run_id,
            call=call.id,
            args_digest=call.args_digest,
        ),
        "decision": record,
        "audit": auditing.head(m),
    }
    if call.kind == "tool":
        found["tool"] = subject_digest(m, call)[:TOOL_DIGITS]
    if activation.agent is not None and call.kind == "tool":
        found["content"] = True
    if next_alias(m, activation, call) is not None:
        found["fallback"] = True
    if activation.generation:
        found["generation"] = activation.generation
    permit = permits.find(m, call)
    if permit is not None:
        found["permit"] = as_wire(permit)
    grants = permits.grants_of(m, call)
    if grants:
        found["grants"] = [as_wire(grant.permit) for grant in grants]
    return found


def as_wire(permit: PermitState) -> dict[str, object]:
    """A person's yes as the edge is shown it."""
    return {
        "pause": permit.pause,
        "triggers": [trigger.value for trigger in permit.triggers],
        "outcome": permit.outcome,
        "by": permit.by,
        "digest": permit.digest,
        "scope": permit.scope,
        "asked": permit.asked,
        "answers": permit.answers,
    }
