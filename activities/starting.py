"""Who started a run: the claim that its input makes, verified where it is signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from activities.run_input import refused
from policies.canonical import digest
from policies.people import Person, admits, can_sign
from policies.signing import Unsignable, start_bytes, verify
from workflows.contracts.failures import FailureType
from workflows.contracts.run import RunInput, Starter, StarterCard

if TYPE_CHECKING:
    from policies.tenant import TenantPolicy
    from policies.triggers import TriggerRule

SIGNED_FOR = timedelta(days=1)
"""How old a signature may be when the run starts: a copied one starts the same run again for no longer."""
AHEAD = timedelta(minutes=5)
"""How far the clock of whoever signed may be before the server's."""
REMEDY = "start it with `--as ID --key-file FILE`"


def find_starter(
    run: RunInput, policy: TenantPolicy, *, namespace: str, workflow_id: str, started_ms: int
) -> StarterCard | None:
    """Who started the run, null if nobody says; refusals for a signature that does not hold or is wanted and not there.

    A signature covers namespace, workflow id, graph and input, so it is good for this one run.
    """
    starter = run.starter
    if starter is None or starter.signature is None:
        _require_no_signature(policy)
        return None if starter is None else StarterCard(id=starter.by)
    person = _person(starter, policy)
    _check_time(starter, started_ms)
    _check_signature(run, starter, person, namespace, workflow_id)
    if not admits(policy.starters, person.id, person.roles):
        named = ", ".join(f"`{entry}`" for entry in policy.starters)
        _refuse(FailureType.POLICY_DENIED, f"`{starter.by}` may not start runs of tenant `{policy.name}`: {named} may")
    return StarterCard(id=starter.by, assurance="signed")


def _require_no_signature(policy: TenantPolicy) -> None:
    if policy.starters:
        named = ", ".join(f"`{entry}`" for entry in policy.starters)
        words = f"tenant `{policy.name}` takes signed starts only, by {named} (`starters`); {REMEDY}"
        _refuse(FailureType.POLICY_DENIED, words)
    asking = [trigger.value for trigger, rule in policy.triggers.items() if _bars_starter(rule)]
    if asking:
        words = f"`{asking[0]}` is not for the run's starter to answer (`not_starter`), and nobody signed the start"
        _refuse(FailureType.POLICY_DENIED, f"{words}; {REMEDY}")


def _bars_starter(rule: TriggerRule) -> bool:
    return rule.not_starter or (rule.escalate is not None and _bars_starter(rule.escalate))


def _person(starter: Starter, policy: TenantPolicy) -> Person:
    for person in policy.answerers.people:
        if person.id == starter.by and can_sign(person, policy.revoked):
            return person
    words = f"the start is signed by `{starter.by}`, of whom the policy has no public key that holds"
    raise refused(FailureType.POLICY_DENIED, words)


def _check_time(starter: Starter, started_ms: int) -> None:
    started = datetime.fromtimestamp(started_ms / 1000, UTC)
    try:
        issued = datetime.fromisoformat(starter.issued_at or "")
        age = started - issued
    except (ValueError, TypeError):  # no time, or one without a zone
        _refuse(FailureType.FORGED_INPUT, "a signed start says when it was signed: `issued_at`, with its time zone")
    if not -AHEAD <= age <= SIGNED_FOR:
        words = f"the start was signed at {starter.issued_at}, and the run started at {started.isoformat()}"
        _refuse(FailureType.FORGED_INPUT, f"{words}: a signature is good for a day; sign it again")


def _check_signature(run: RunInput, starter: Starter, person: Person, namespace: str, workflow_id: str) -> None:
    try:
        said = start_bytes(
            namespace=namespace,
            workflow_id=workflow_id,
            graph_digest=digest(run.graph),
            input_digest=digest(run.input),
            by=starter.by,
            issued_at=starter.issued_at or "",
            allow_gaps=run.allow_gaps,
        )
    except Unsignable as error:
        _refuse(FailureType.FORGED_INPUT, f"the start cannot be signed: {error}")
    if not verify(person.public_key or "", said, starter.signature or ""):
        words = f"the signature is not of this start by `{starter.by}`: its graph, input, id or namespace is another's"
        _refuse(FailureType.FORGED_INPUT, words)


def _refuse(kind: FailureType, words: str) -> NoReturn:
    raise refused(kind, words)
