"""What the seals of messages between workers and a tenant's ledger are over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from activities.seal import as_text, digest_of, from_text

if TYPE_CHECKING:
    from activities.seal import SealKeys

SEAL = "seal"


def with_seal(seals: SealKeys, value: Mapping[str, object], where: Mapping[str, object]) -> dict[str, object]:
    """A message or the answer to one, with its seal."""
    return {**value, SEAL: as_text(seals.seal("message", _claim(value, where)))}


def is_sealed(seals: SealKeys, value: object, where: Mapping[str, object]) -> bool:
    """Whether one of the deployment's workers wrote this, and for this very place."""
    return isinstance(value, dict) and seals.holds("message", _claim(value, where), from_text(value.get(SEAL)))


def place(namespace: str, ledger: str, update_id: str, *, answer: bool) -> dict[str, object]:
    """Where a message belongs: no ledger takes another's, and no answer is given to another question."""
    return {"namespace": namespace, "ledger": ledger, "update": update_id, "answer": answer}


def _claim(value: Mapping[str, object], where: Mapping[str, object]) -> dict[str, object]:
    said = {name: item for name, item in value.items() if name != SEAL}
    return {**where, "said": digest_of(said)}
