"""Evidence as the engine makes it: what people were asked about a call, and what they answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from activities.permits import describe_tool
from policies.capability import Capability, resolve_needs
from policies.document import PolicyDocument
from tests.support.signers import signed
from tests.unit.tools.calls import HERE, RUN
from workflows.contracts.calls import Call, Permit
from workflows.contracts.run import ToolCard
from workflows.engine.digest import pause_digest
from workflows.language.schema import with_defaults

ISSUED, EXPIRES = "2026-09-21T14:00:00Z", "2026-09-21T15:00:00Z"


def asked_about(call: Call, card: ToolCard, policy: PolicyDocument, *triggers: str) -> dict[str, object]:
    """The document of a pause about the call."""
    needs = (
        Capability("tool", card.name),
        *resolve_needs(card.needs, with_defaults(card.input_schema, call.args)),
    )
    return {
        "namespace": HERE.namespace,
        "workflow_id": HERE.workflow_id,
        "first_run_id": RUN,
        "pause_id": "p1",
        "activation": call.activation,
        "triggers": list(triggers),
        "calls": [describe_tool(call, card, needs)],
        "graph_digest": "g" * 64,
        "policy_digest": policy.tenants["default"].digest,
        "outcomes": ["approve", "deny", "grant"],
        "form_digest": None,
        "answerers": [],
        "quorum": 1,
        "deadline": None,
    }


def permit_of(
    asked: Mapping[str, object], answers: Sequence[Mapping[str, object]], *, outcome: str = "approve", **fields: object
) -> Permit:
    """The permit that these answers to this question make."""
    said = {"pause": asked["pause_id"], "triggers": asked["triggers"], "outcome": outcome, "by": "claimed:ada"}
    evidence = {"digest": pause_digest(dict(asked)), "asked": asked, "answers": answers}
    return Permit.model_validate({**said, **evidence, **fields})


def answer_to(asked: Mapping[str, object], by: str = "ada", **fields: object) -> dict[str, object]:
    """What somebody answers, unsigned; a field that is null is left out."""
    given = {"v": 1, "pause": asked["pause_id"], "outcome": "approve", "by": by, "digest": pause_digest(dict(asked))}
    return {key: value for key, value in {**given, **fields}.items() if value is not None}


def signed_answer(asked: Mapping[str, object], by: str = "ada", **fields: object) -> dict[str, object]:
    """What somebody answers, signed and good for an hour."""
    times = {"issued_at": ISSUED, "expires_at": EXPIRES}
    return signed(answer_to(asked, by, **{**times, **fields}), by)


def approving(*triggers: str) -> Callable[[Call, ToolCard, PolicyDocument], Permit]:
    """An unsigned yes to whatever call there is, under the policy that it is made under."""

    def permit(call: Call, card: ToolCard, policy: PolicyDocument) -> Permit:
        asked = asked_about(call, card, policy, *triggers)
        return permit_of(asked, [answer_to(asked)])

    return permit
