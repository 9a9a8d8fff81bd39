"""The JSON Schema of what a policy says once for all of its tenants."""

from __future__ import annotations

from policies.guardrail_document import MAX_MESSAGE, MAX_RULES
from policies.guardrail_document import NEEDED as GUARDRAIL
from policies.guardrails import ACTIONS, GUARD_SCOPES
from policies.model import Trigger
from policies.people_document import CONTROLS
from policies.schema_parts import (
    DURATION,
    ENTRIES,
    FLAG,
    NULL,
    POSITIVE,
    RULE_NAME,
    TEXTS,
    either,
    mapping,
    one_of,
)
from policies.triggers import ESCALATE, KEEP_WAITING, ON_TIMEOUT, UIS


def house_schema() -> dict[str, object]:
    """The properties of a policy beside its tenants and prices."""
    revoked: dict[str, object] = {
        "type": "string",
        "pattern": "^([0-9a-f]{16}|[0-9a-f]{64}|ed25519:.+|(person:)?[A-Za-z0-9][A-Za-z0-9._@+-]{0,127})$",
    }
    return {
        "guardrails": {"type": "array", "maxItems": MAX_RULES, "items": _guardrail()},
        "triggers": mapping({trigger.value: _trigger(trigger) for trigger in Trigger}),
        "answerers": mapping({"require_signature": FLAG, "people": {"type": "array", "items": _person()}}),
        "controls": mapping({key: {"type": "string", "minLength": 1} for key in CONTROLS}),
        "approvals": mapping({"tenant": one_of("allow", "deny"), "max": DURATION}),
        "revoked": {"type": "array", "items": revoked},
        "audit": mapping({"sign": FLAG}),
        "secrets": mapping({"allow_paths": TEXTS}),
    }


def _guardrail() -> dict[str, object]:
    text: dict[str, object] = {"type": "string", "maxLength": MAX_MESSAGE}
    fields: dict[str, object] = {
        "id": {"type": "string", "pattern": RULE_NAME},
        "scope": one_of(*GUARD_SCOPES),
        "when": text,
        "then": one_of(*ACTIONS),
        "message": text,
        "repeat": FLAG,
    }
    return mapping(fields, required=list(GUARDRAIL))


def _trigger(trigger: Trigger) -> dict[str, object]:
    asked: dict[str, object] = {
        "deadline": either(DURATION, NULL),
        "answerers": ENTRIES,
        "quorum": POSITIVE,
        "not_starter": FLAG,
    }
    later = {**asked, "on_timeout": _silence(trigger)}
    escalate = mapping(later, required=["answerers"])
    return mapping({"ui": one_of(*UIS), **asked, "on_timeout": _silence(trigger, ESCALATE), "escalate": escalate})


def _silence(trigger: Trigger, *more: str) -> dict[str, object]:
    """A human node has outcomes of its own."""
    if trigger is Trigger.HUMAN_NODE:
        return {"type": "string", "pattern": RULE_NAME}
    return one_of(*ON_TIMEOUT[trigger], KEEP_WAITING, *more)


def _person() -> dict[str, object]:
    key: dict[str, object] = {"type": "string", "pattern": "^ed25519:[A-Za-z0-9+/]{43}=$"}
    id_: dict[str, object] = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$"}
    return mapping({"id": id_, "roles": TEXTS, "public_key": either(key, NULL)}, required=["id"])
