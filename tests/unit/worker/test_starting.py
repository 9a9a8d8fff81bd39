"""Who started a run: claimed or signed, as the policy wants it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.starting import find_starter
from policies.canonical import digest
from policies.document import parse_policy
from policies.signing import start_bytes
from policies.tenant import TenantPolicy
from tests.support.signers import public_key, signature
from workflows.contracts.run import RunInput, StarterCard

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GRAPH: dict[str, Any] = {"graph": "g", "version": "1.0.0"}
PEOPLE = [
    {"id": "ada", "roles": ["operator"], "public_key": public_key("ada")},
    {"id": "bob", "roles": ["author"], "public_key": public_key("bob")},
    {"id": "eve", "roles": ["operator"]},
]


def policy(**changes: Any) -> TenantPolicy:
    tenant = {"allow": [{"tool": ["**"]}], **changes.pop("tenant", {})}
    people = {"require_signature": True, "people": PEOPLE}
    document = {"policy": "p", "version": 1, "tenants": {"default": tenant}, "answerers": people, **changes}
    found = parse_policy(document).tenant("default")
    assert found is not None
    return found


def signed(by: str, key: str | None = None, **changes: Any) -> RunInput:
    """A start that `by` says is theirs, signed with the key of `key`; `changes` are of what is signed."""
    issued_at = changes.pop("issued_at", (NOW - timedelta(minutes=1)).isoformat())
    said = {
        "namespace": "default",
        "workflow_id": "default/g/1",
        "graph_digest": digest(GRAPH),
        "input_digest": digest({"x": 1}),
        "by": by,
        "issued_at": issued_at,
    }
    made = signature(key or by, start_bytes(**{**said, **changes}))
    return started({"by": by, "issued_at": issued_at, "signature": made})


def started(starter: dict[str, Any] | None) -> RunInput:
    return RunInput.model_validate({"graph": GRAPH, "input": {"x": 1}, "starter": starter})


def found(run: RunInput, of: TenantPolicy | None = None) -> StarterCard | None:
    started_ms = int(NOW.timestamp() * 1000)
    return find_starter(run, of or policy(), namespace="default", workflow_id="default/g/1", started_ms=started_ms)


def refused(run: RunInput, of: TenantPolicy | None = None) -> tuple[str | None, str]:
    with pytest.raises(ApplicationError) as caught:
        found(run, of)
    assert caught.value.non_retryable
    return caught.value.type, caught.value.message


def test_nobody_need_say_who_starts() -> None:
    assert found(started(None)) is None
    assert found(started({"by": "mallory"})) == StarterCard(id="mallory", assurance="claimed")


def test_a_start_that_was_signed_without_gaps_is_none_with_them() -> None:
    run = signed("ada")
    kind, message = refused(run.model_copy(update={"allow_gaps": True}))
    assert (kind, "not of this start" in message) == ("ForgedInput", True)
    with_gaps = signed("ada", allow_gaps=True).model_copy(update={"allow_gaps": True})
    assert found(with_gaps) == StarterCard(id="ada", assurance="signed")


def test_a_signed_start_is_somebodys() -> None:
    assert found(signed("ada")) == StarterCard(id="ada", assurance="signed")


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "bob"},
        {"namespace": "other"},
        {"workflow_id": "default/g/2"},
        {"graph_digest": "0" * 64},
        {"input_digest": "0" * 64},
    ],
)
def test_a_signature_of_anything_else_is_forged(changes: dict[str, Any]) -> None:
    kind, message = refused(signed("ada", **changes))
    assert kind == "ForgedInput"
    assert "not of this start by `ada`" in message


@pytest.mark.parametrize("text", ["", "AAAA", "?", "é"])
def test_what_is_no_signature_is_forged(text: str) -> None:
    starter = {"by": "ada", "issued_at": NOW.isoformat(), "signature": text}
    assert refused(started(starter))[0] == "ForgedInput"


@pytest.mark.parametrize("by", ["eve", "mallory"])
def test_a_signature_needs_a_key_that_the_policy_knows(by: str) -> None:
    kind, message = refused(signed(by))
    assert kind == "PolicyDenied"
    assert f"`{by}`, of whom the policy has no public key" in message


def test_a_revoked_key_starts_nothing() -> None:
    assert refused(signed("ada"), policy(revoked=[public_key("ada")]))[0] == "PolicyDenied"


@pytest.mark.parametrize("late", [timedelta(days=1, seconds=1), -timedelta(minutes=6)])
def test_an_old_signature_starts_nothing(late: timedelta) -> None:
    kind, message = refused(signed("ada", issued_at=(NOW - late).isoformat()))
    assert kind == "ForgedInput"
    assert "good for a day" in message


@pytest.mark.parametrize("when", ["", "yesterday", "2026-11-21T12:00:00"])
def test_a_signature_says_when_it_was_made(when: str) -> None:
    assert "`issued_at`, with its time zone" in refused(signed("ada", issued_at=when))[1]


def test_starters_sign() -> None:
    only = policy(tenant={"starters": ["role:author"]})
    assert found(signed("bob"), only) == StarterCard(id="bob", assurance="signed")
    kind, message = refused(signed("ada"), only)
    assert (kind, "`ada` may not start runs of tenant `default`: `role:author` may" in message) == (
        "PolicyDenied",
        True,
    )
    for run in (started(None), started({"by": "bob"})):
        kind, message = refused(run, only)
        assert kind == "PolicyDenied"
        assert "signed starts only" in message
        assert "--as ID --key-file FILE" in message


ASK = {"deadline": "1h", "on_timeout": "deny"}


@pytest.mark.parametrize(
    "rule",
    [
        {**ASK, "answerers": ["role:operator"], "not_starter": True},
        {
            **ASK,
            "on_timeout": "escalate",
            "escalate": {**ASK, "answerers": ["role:operator"], "not_starter": True},
        },
    ],
)
def test_who_may_not_answer_must_be_known(rule: dict[str, Any]) -> None:
    strict = policy(triggers={"on_risky_tool": rule})
    kind, message = refused(started({"by": "bob"}), strict)
    assert kind == "PolicyDenied"
    assert "`on_risky_tool`" in message
    assert "nobody signed the start" in message
    assert found(signed("bob"), strict) == StarterCard(id="bob", assurance="signed")
