"""Signatures of people: which bytes are signed, which keys are taken, whether a signature holds.

Ed25519 over a domain and the canonical form of what is said. Two texts that look alike, or two numbers that
canonical JSON writes alike, must not share a signature: doubles that are whole numbers and text that is not in
Unicode's form NFC cannot be signed at all. Making keys and signatures is the command line's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import unicodedata
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from policies.canonical import MAX_DEPTH, canonical

ANSWER_DOMAIN = b"detent.answer.v1\0"
CONTROL_DOMAIN = b"detent.control.v1\0"
START_DOMAIN = b"detent.start.v1\0"

KEY_PREFIX = "ed25519:"
KEY_BYTES, SIGNATURE_BYTES = 32, 64
_FINGERPRINT_DIGITS = 16

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303021
_SMALL_ORDER = (0, 1, _P - 1, _Y8, _P - _Y8)
"""The y of the points whose order divides 8: under such a key some signatures hold for every text."""


class Unsignable(ValueError):
    """The value has no form that could be signed; the message says which part and why."""


def answer_bytes(answer: Mapping[str, object]) -> bytes:
    """What an answer's signature is over: the answer without `signature`, and without what is null.

    `v` and `scope` stand in it even where the answer leaves them out.
    """
    return ANSWER_DOMAIN + _signable({"v": 1, "scope": "once", **_said(answer)})


def control_bytes(
    control: Mapping[str, object], *, action: str, namespace: str, workflow_id: str, first_run_id: str
) -> bytes:
    """What the signature of a control (the `action`) on one run is over: all that it says, and which run it is."""
    run = {"action": action, "namespace": namespace, "workflow_id": workflow_id, "first_run_id": first_run_id}
    return CONTROL_DOMAIN + _signable({"v": 1, **_said(control), **run})


def start_bytes(  # noqa: PLR0913  one argument per field that the signature covers
    *,
    namespace: str,
    workflow_id: str,
    graph_digest: str,
    input_digest: str,
    by: str,
    issued_at: str,
    allow_gaps: bool = False,
) -> bytes:
    """What the signature of a run's start is over. The digests are those of the graph and the input as sent.

    That gaps are allowed stands in it only where they are: starts that were signed before hold.
    """
    return START_DOMAIN + _signable(
        {
            "namespace": namespace,
            "workflow_id": workflow_id,
            "graph_digest": graph_digest,
            "input_digest": input_digest,
            "by": by,
            "issued_at": issued_at,
            **({"allow_gaps": True} if allow_gaps else {}),
        }
    )


def flaw_of_key(text: str) -> str | None:
    """What is wrong with a public key as a policy holds it, or null: `ed25519:` and the base64 of 32 bytes."""
    if not text.startswith(KEY_PREFIX):
        return f"a public key is written `{KEY_PREFIX}` and the base64 of {KEY_BYTES} bytes"
    raw = _decoded(text.removeprefix(KEY_PREFIX), KEY_BYTES)
    if raw is None:
        return f"what follows `{KEY_PREFIX}` is not the standard base64 of {KEY_BYTES} bytes"
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y % _P in _SMALL_ORDER:
        return "the key is a point of small order, under which anyone can sign"
    if y >= _P or not _on_curve(y):
        return "the key is no point of the curve"
    return None


def fingerprint(public_key: str) -> str:
    """The first 16 hex digits of SHA-256 over a sound key's 32 bytes, for people to compare."""
    raw = base64.b64decode(public_key.removeprefix(KEY_PREFIX))
    return hashlib.sha256(raw).hexdigest()[:_FINGERPRINT_DIGITS]


def verify(public_key: str, data: bytes, signature: str) -> bool:
    """Whether the signature (base64 of 64 bytes) of the data was made with the key's other half; never raises."""
    raw = _decoded(signature, SIGNATURE_BYTES)
    if raw is None or flaw_of_key(public_key) is not None:
        return False
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix(KEY_PREFIX)))
    try:
        key.verify(raw, data)
    except InvalidSignature:
        return False
    return True


def _said(document: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in document.items() if key != "signature" and value is not None}


def _signable(value: Mapping[str, object]) -> bytes:
    _refuse_twins(value, "", 0)
    try:
        return canonical(value)
    except ValueError as error:  # NotCanonical, or a number of more digits than are written
        raise Unsignable(f"it is not JSON: {error}") from error


def _refuse_twins(value: object, path: str, depth: int) -> None:
    """Raise for whatever another value shares its canonical form, or its looks, with."""
    if depth > MAX_DEPTH:
        raise Unsignable(f"`{path[:80]}`: it is nested deeper than {MAX_DEPTH}")
    if isinstance(value, str) and not unicodedata.is_normalized("NFC", value):
        raise Unsignable(f"`{path}` holds text that is not in Unicode's form NFC; compose its accents")
    if isinstance(value, float) and value.is_integer():
        raise Unsignable(f"`{path}` is the double `{value}`; write it as a whole number")
    if isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_twins(key, path or "a key", depth)
            _refuse_twins(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _refuse_twins(item, f"{path}[{index}]", depth + 1)


def _decoded(text: str, size_bytes: int) -> bytes | None:
    """The bytes of standard base64 written in the one way that there is to write them."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == size_bytes and base64.b64encode(raw).decode() == text else None


def _on_curve(y: int) -> bool:
    """Whether -x² + y² = 1 + d·x²·y² has an x: whether (y² - 1)/(d·y² + 1) is a square."""
    square = (y * y - 1) * (_D * y * y + 1) % _P
    return pow(square, (_P - 1) // 2, _P) == 1
