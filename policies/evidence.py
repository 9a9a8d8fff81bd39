"""Whether an answer may be believed: who gave it, to which question, when, and how that is proved.

Read by the run when an answer arrives and again by the worker that makes the call, each with its own clock and
policy. Answers are mappings as they stand on the wire, not yet checked by anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from policies.coverage import covered_by, same_call
from policies.people import AND, ANY, ROLE, Answerers, Approvals, Person, admits
from policies.signing import Unsignable, answer_bytes, control_bytes, verify
from policies.standards import Standard, escalated, standard_of, strictest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

__all__ = [
    "Ground",
    "Speaker",
    "Standard",
    "covered_by",
    "escalated",
    "missing",
    "parse_time",
    "person_of",
    "same_call",
    "speaker_of",
    "standard_of",
    "strictest",
    "why_no_control",
    "why_unfit",
]

SKEW_MS = 60_000
"""How far ahead of ours a signer's clock may be."""
LONGEST_MS = 24 * 3_600_000
"""How long an answer may live that does not stand for the whole tenant."""
SHORT_DIGITS = 16

NO_APPROVALS = Approvals()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who gave an answer, and whether that is proved or only claimed. `key` is the public key that proved it."""

    id: str
    assurance: Literal["signed", "claimed"]
    key: str | None = None

    @property
    def name(self) -> str:
        """As records have it: the id, behind `claimed:` where nobody has proved it, and never as two."""
        return self.id if self.assurance == "signed" else f"claimed:{self.id.replace(',', '_')}"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a statement is judged by, apart from what it says: who there is, what is revoked, what time it is."""

    answerers: Answerers
    now_ms: int
    revoked: Collection[str] = ()
    approvals: Approvals = NO_APPROVALS


def why_unfit(  # noqa: PLR0913  each is one part of what an answer is judged by
    answer: Mapping[str, object],
    *,
    digest: str,
    answerers: Answerers,
    standard: Standard,
    starter: tuple[str, str] | None,
    revoked: Collection[str],
    now_ms: int,
    approvals: Approvals = NO_APPROVALS,
) -> str | None:
    """Why an answer to the question with this digest may not count, in words for who gave it; null when it may.

    `starter` is who started the run and how that is known (`signed`, `claimed`). That the outcome is one of those
    offered, and its data what they take, is for the caller to see.
    """
    ground = Ground(answerers, now_ms, revoked, approvals)
    scope = answer.get("scope", "once")
    signed = standard.signed or scope == "tenant"
    return (
        _wrong_digest(answer, digest, signed=signed)
        or _unproved(answer, lambda: answer_bytes(answer), ground, signed=signed)
        or _revoked(str(answer.get("by")), ground, digest)
        or _wrong_person(str(answer.get("by")), answerers, standard, starter)
        or _standing(scope, approvals)
        or _wrong_time(answer, ground, signed=signed, longest_ms=_longest_ms(scope, approvals))
    )


def why_no_control(  # noqa: PLR0913  each is one part of what a control is judged by
    control: Mapping[str, object],
    ground: Ground,
    *,
    action: str,
    who: str,
    namespace: str,
    workflow_id: str,
    first_run_id: str,
) -> str | None:
    """Why a control of this run may not be obeyed; null when it may. `who` may use it: `any`, or a role.

    Where the policy wants signatures, only what `any` may do is done without one; `repin` never is.
    """
    signed = action == "repin" or (ground.answerers.require_signature and who != ANY)

    def said() -> bytes:
        return control_bytes(
            control, action=action, namespace=namespace, workflow_id=workflow_id, first_run_id=first_run_id
        )

    by = str(control.get("by"))
    allowed = Standard(() if who == ANY else (f"{ROLE}{who}",))
    return (
        _unproved(control, said, ground, signed=signed)
        or _revoked(by, ground, None)
        or _wrong_person(by, ground.answerers, allowed, None)
        or _wrong_time(control, ground, signed=signed, longest_ms=LONGEST_MS)
    )


def speaker_of(answer: Mapping[str, object], answerers: Answerers) -> Speaker:
    """Who gave an answer that `why_unfit` has nothing against: one that holds a signature was proved by it."""
    by = str(answer.get("by"))
    person = person_of(by, answerers)
    if answer.get("signature") is None or person is None:
        return Speaker(by, "claimed")
    return Speaker(by, "signed", person.public_key)


def missing(answers: Iterable[Mapping[str, object]], answerers: Answerers, quorum: int) -> int:
    """How many more people must say the same; two ids with one key are one person."""
    people = {_identity(str(answer.get("by")), answerers) for answer in answers}
    return max(0, quorum - len(people))


def person_of(by: str, answerers: Answerers) -> Person | None:
    """The person with this id, if the policy knows one."""
    return next((person for person in answerers.people if person.id == by), None)


def parse_time(text: object) -> int | None:
    """UTC milliseconds of an RFC 3339 time with a zone; null for anything else."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if moment is None or moment.tzinfo is None:
        return None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _wrong_digest(answer: Mapping[str, object], digest: str, *, signed: bool) -> str | None:
    given = answer.get("digest")
    if given is None and signed:
        return "the answer does not say what it answers: a `digest` is needed where signatures are"
    if given is not None and given != digest:
        return "the digest is not that of the question as it stands; look at what is asked now"
    return None


def _unproved(
    statement: Mapping[str, object], said: Callable[[], bytes], ground: Ground, *, signed: bool
) -> str | None:
    """A signature that is not needed must hold all the same: who sends one means it."""
    by, signature = str(statement.get("by")), statement.get("signature")
    if signature is None:
        return "a signature is needed: sign with `--as ID --key-file F`" if signed else None
    person = person_of(by, ground.answerers)
    if person is None:
        return f"`{by}` is nobody whom the operator's policy knows (`answerers.people`)"
    if person.public_key is None:
        return f"the operator's policy has no public key of `{by}`"
    try:
        holds = isinstance(signature, str) and verify(person.public_key, said(), signature)
    except Unsignable as error:
        return f"what is signed has no one form: {error}"
    return None if holds else f"the signature is not one of `{by}` over what was sent"


def _revoked(by: str, ground: Ground, digest: str | None) -> str | None:
    person = person_of(by, ground.answerers)
    if by in ground.revoked or (person is not None and person.public_key in ground.revoked):
        return f"`{by}`, or the key of `{by}`, is revoked"
    if digest is not None and (digest in ground.revoked or digest[:SHORT_DIGITS] in ground.revoked):
        return "the approval is revoked"
    return None


def _wrong_person(by: str, answerers: Answerers, standard: Standard, starter: tuple[str, str] | None) -> str | None:
    if not _may(by, standard.answerers, answerers):
        return f"`{by}` is not among those who may: {' or '.join(standard.answerers)}"
    if not standard.not_starter:
        return None
    if starter is None or starter[1] != "signed":
        return "whoever started the run may not answer, and the run's start was not signed: nobody can tell who it was"
    if _identity(by, answerers) == _identity(starter[0], answerers):
        return f"`{by}` started the run, and may not answer for it"
    return None


def _may(by: str, entries: Sequence[str], answerers: Answerers) -> bool:
    """Whether the person is one of those named; where the policy knows nobody, everybody has every role."""
    person = person_of(by, answerers)
    if answerers.people:
        return admits(entries, by, () if person is None else person.roles)
    return admits(entries, by, [part.removeprefix(ROLE) for entry in entries for part in entry.split(AND)])


def _standing(scope: object, approvals: Approvals) -> str | None:
    if scope == "tenant" and not approvals.tenant:
        return "the operator's policy has no approvals for a whole tenant (`approvals: {tenant: allow}`)"
    return None


def _longest_ms(scope: object, approvals: Approvals) -> int:
    return round(approvals.max_s * 1000) if scope == "tenant" else LONGEST_MS


def _wrong_time(statement: Mapping[str, object], ground: Ground, *, signed: bool, longest_ms: int) -> str | None:
    for name in ("issued_at", "expires_at"):
        if statement.get(name) is None and signed:
            return f"`{name}` is needed where signatures are"
        if statement.get(name) is not None and parse_time(statement[name]) is None:
            return f"`{name}` is not an RFC 3339 time such as 2026-01-31T09:00:00Z"
    issued, expires = parse_time(statement.get("issued_at")), parse_time(statement.get("expires_at"))
    if issued is not None and issued > ground.now_ms + SKEW_MS:
        return "`issued_at` is in the future: set the clock right"
    if expires is not None and expires <= ground.now_ms:
        return "it has expired: sign it again"
    if issued is not None and expires is not None and expires - issued > longest_ms:
        return f"it would live longer than {longest_ms // 3_600_000} hours: choose an earlier `expires_at`"
    return None


def _identity(by: str, answerers: Answerers) -> str:
    person = person_of(by, answerers)
    return by if person is None or person.public_key is None else person.public_key
