"""The people whom the operator knows: who they are, what they may answer for, how they prove it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ANY = "any"
ROLE, PERSON = "role:", "person:"
AND = "&"
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Person:
    """One person. `public_key` is `ed25519:<base64>` of 32 bytes, null for one who cannot sign."""

    id: str
    roles: tuple[str, ...] = ()
    public_key: str | None = None


@dataclass(frozen=True, slots=True)
class Answerers:
    """Who there is. Without people a role means anyone who reaches the namespace (trust.md, "People")."""

    require_signature: bool = False
    people: tuple[Person, ...] = ()

    def find(self, id_: str) -> Person | None:
        """A person by id."""
        return next((person for person in self.people if person.id == id_), None)

    def able(self, entries: Sequence[str], revoked: Sequence[str] = ()) -> tuple[Person, ...]:
        """The people that entries name who can prove who they are, where that is asked; for `any` all of them.

        Keys are compared as they are written, and no two people have the same one: each stands for one key.
        """
        named = (person for person in self.people if admits(entries, person.id, person.roles))
        return tuple(person for person in named if not self.require_signature or can_sign(person, revoked))


@dataclass(frozen=True, slots=True)
class Controls:
    """Who may use each control: `any`, or the name of a role."""

    pause: str = ANY
    cancel: str = ANY
    resume: str = "operator"
    steer: str = "operator"
    cancel_call: str = "operator"


@dataclass(frozen=True, slots=True)
class Approvals:
    """Standing approvals: whether a signed yes may hold for the whole tenant, and for how long at most."""

    tenant: bool = False
    max_s: float = 30 * DAY_S


def admits(entries: Sequence[str], id_: str, roles: Sequence[str]) -> bool:
    """Whether a person of this id and these roles is one of those named; without entries everybody is."""
    return not entries or any(_fits(entry, id_, roles) for entry in entries)


def can_sign(person: Person, revoked: Sequence[str] = ()) -> bool:
    """Whether the person has a key, and neither it nor the person was revoked."""
    return person.public_key is not None and not {person.public_key, person.id} & set(revoked)


def _fits(entry: str, id_: str, roles: Sequence[str]) -> bool:
    """Whether one person is all that an entry names: `any`, `role:operator`, `ada`, `person:ada`, joined by `&`."""
    return all(
        part == ANY or (part.removeprefix(ROLE) in roles if part.startswith(ROLE) else part.removeprefix(PERSON) == id_)
        for part in entry.split(AND)
    )
