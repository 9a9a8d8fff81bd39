"""The key that a worker signs heads of the audit with: where it is found, and what it signs."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policies.errors import DocumentError, Problem
from policies.signing import KEY_PREFIX
from worker.seal_key import FILE_SUFFIX, key_named

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from policies.document import PolicyDocument

KEY = "DETENT_AUDIT_KEY"
HOW_TO_MAKE = f"make one with `openssl rand -base64 32` and name its file (mode 0600) in {KEY}{FILE_SUFFIX}"


class AuditSigner:
    """Signs heads with Ed25519. Workers of a deployment may have one key each: the signature names it."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = KEY_PREFIX + base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def __call__(self, data: bytes) -> tuple[str, str]:
        """The public key and the signature."""
        return self.public_key, base64.b64encode(self._key.sign(data)).decode()


def audit_signer(environ: Mapping[str, str]) -> AuditSigner | None:
    """The signer that the environment names, null for none; `DocumentError` for what is no key or is open to others."""
    seed = key_named(environ, KEY)
    return None if seed is None else AuditSigner(seed)


def require_signer(policy: PolicyDocument, signer: AuditSigner | None) -> None:
    """`DocumentError` where the policy wants heads signed and there is nothing to sign with."""
    if policy.house.sign_audit and signer is None:
        message = "is not set, and the policy says `audit: {sign: true}`"
        raise DocumentError((Problem("audit_key", message, KEY, HOW_TO_MAKE),))


def audit_key_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The file that holds the key: no tool may touch it."""
    name = environ.get(KEY + FILE_SUFFIX)
    return (Path(name).expanduser().absolute(),) if name else ()


def forget_audit_key(environ: MutableMapping[str, str]) -> None:
    """Take the key out of an environment, so that no program which is started from here on inherits it."""
    for name in (KEY, KEY + FILE_SUFFIX):
        environ.pop(name, None)
