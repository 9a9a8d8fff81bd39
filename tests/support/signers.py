"""People who can sign: keys made from their names, and what they say, signed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policies.signing import answer_bytes, control_bytes


def private_key(name: str) -> Ed25519PrivateKey:
    """The same key for the same name, every time."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def public_key(name: str) -> str:
    """As a policy holds it."""
    return "ed25519:" + base64.b64encode(private_key(name).public_key().public_bytes_raw()).decode()


def signature(name: str, data: bytes) -> str:
    """The base64 of the signature over the bytes."""
    return base64.b64encode(private_key(name).sign(data)).decode()


def signed(answer: Mapping[str, object], name: str) -> dict[str, object]:
    """The answer with this person's signature."""
    return {**answer, "signature": signature(name, answer_bytes(answer))}


def signed_control(control: Mapping[str, object], name: str, **run: str) -> dict[str, object]:
    """The control with this person's signature; `run` is what it does, and to which run."""
    return {**control, "signature": signature(name, control_bytes(control, **run))}
