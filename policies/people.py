"""The people whom the operator knows: who they are, what they may answer for, how they prove it."""

from __future__ import annotations

from dataclasses import dataclass

ANY = "any"


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
    max_s: float = 30 * 86_400.0
