"""What has two readings is not signed, and no weak key or signature is taken."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from policies.canonical import canonical
from policies.signing import (
    ANSWER_DOMAIN,
    Unsignable,
    answer_bytes,
    control_bytes,
    fingerprint,
    flaw_of_key,
    start_bytes,
    verify,
)
from tests.support.signers import public_key, signature

ANSWER = {"pause": "p1", "digest": "d", "outcome": "approve", "by": "ada"}
RUN = {"namespace": "default", "workflow_id": "t/g/k", "first_run_id": "r1"}
P = 2**255 - 19
Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303021


def key_of(y: int) -> str:
    return "ed25519:" + base64.b64encode(y.to_bytes(32, "little")).decode()


def test_bytes_of_an_answer_are_its_domain_and_canonical_json() -> None:
    body = answer_bytes({**ANSWER, "signature": "x", "data": None})
    assert body.startswith(ANSWER_DOMAIN)
    assert json.loads(body.removeprefix(ANSWER_DOMAIN)) == {**ANSWER, "v": 1, "scope": "once"}


def test_what_is_left_out_and_what_is_null_are_signed_alike() -> None:
    assert answer_bytes(ANSWER) == answer_bytes({**ANSWER, "v": 1, "scope": "once", "data": None, "expires_at": None})


@pytest.mark.parametrize("field", ["pause", "digest", "outcome", "by", "scope", "data", "issued_at", "expires_at", "v"])
def test_every_field_is_signed(field: str) -> None:
    assert answer_bytes({**ANSWER, field: "other"}) != answer_bytes(ANSWER)


def test_the_same_words_are_signed_differently_for_each_purpose() -> None:
    control = control_bytes(ANSWER, action="pause", **RUN)
    start = start_bytes(
        namespace="n", workflow_id="w", graph_digest="g", input_digest="i", by="ada", issued_at="2026-01-01T00:00:00Z"
    )
    assert len({body.partition(b"\0")[0] for body in (answer_bytes(ANSWER), control, start)}) == 3


@pytest.mark.parametrize("field", ["action", *RUN])
def test_a_control_is_signed_for_one_action_on_one_run(field: str) -> None:
    there = {"action": "pause", **RUN}
    assert control_bytes({"by": "ada"}, **{**there, field: "other"}) != control_bytes({"by": "ada"}, **there)


def test_a_control_cannot_say_which_run_it_is_for_by_itself() -> None:
    forged = {"by": "ada", "workflow_id": "other", "action": "resume"}
    assert control_bytes(forged, action="pause", **RUN) == control_bytes({"by": "ada"}, action="pause", **RUN)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"amount": 1.0}, "data.amount"),
        ({"amount": -0.0}, "double"),
        ([1, [2, 1e300]], r"data\[1\]\[1\]"),
        ("Cafe\u0301", "NFC"),
        ({"Cafe\u0301": 1}, "NFC"),
        (float("nan"), "not JSON"),
        ("\ud800", "not JSON"),
        ({1: "a"}, "not JSON"),
        pytest.param(10**5000, "not JSON", id="long"),
    ],
)
def test_what_has_a_twin_cannot_be_signed(data: object, why: str) -> None:
    with pytest.raises(Unsignable, match=why):
        answer_bytes({**ANSWER, "data": data})


def test_twins_would_share_their_bytes_without_the_check() -> None:
    assert canonical({"amount": 1.0, "b": 0.5}) == canonical({"amount": 1, "b": 0.5})


def test_deep_nesting_cannot_be_signed() -> None:
    deep: object = 0.5
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(Unsignable, match="nested deeper"):
        answer_bytes({**ANSWER, "data": deep})


def test_numbers_and_composed_text_can_be_signed() -> None:
    assert b"0.5" in answer_bytes({**ANSWER, "data": {"Caf\u00e9": [0.5, 2**62, True, None]}})


def test_a_signature_holds_for_its_bytes_and_key_only() -> None:
    made = signature("ada", b"data")
    assert verify(public_key("ada"), b"data", made)
    assert not verify(public_key("ada"), b"other", made)
    assert not verify(public_key("bob"), b"data", made)


@pytest.mark.parametrize(
    "text", ["", "A", "\u00e9", "A" * 88, "====", base64.b64encode(bytes(63)).decode(), signature("ada", b"d") + "\n"]
)
def test_what_is_no_signature_holds_for_nothing(text: str) -> None:
    assert not verify(public_key("ada"), b"d", text)


def test_a_signature_is_written_in_one_way_only() -> None:
    made = base64.b64decode(signature("ada", b"d"))
    assert not verify(public_key("ada"), b"d", base64.urlsafe_b64encode(made).decode().replace("=", ""))


@pytest.mark.parametrize("y", [0, 1, P - 1, Y8, P - Y8, P, P + 1])
@pytest.mark.parametrize("sign", [0, 1 << 255])
def test_keys_of_small_order_are_refused(y: int, sign: int) -> None:
    assert "small order" in str(flaw_of_key(key_of(y | sign)))
    assert not verify(key_of(y | sign), b"d", signature("ada", b"d"))


def test_a_key_of_small_order_would_pass_anything_without_the_check() -> None:
    identity = bytes([1]) + bytes(31)
    Ed25519PublicKey.from_public_bytes(identity).verify(identity + bytes(32), b"whatever was never signed")
    assert not verify(key_of(1), b"whatever was never signed", base64.b64encode(identity + bytes(32)).decode())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is written"),
        (public_key("ada").removeprefix("ed25519:"), "is written"),
        ("ed25519:", "base64 of 32"),
        ("ed25519:AAAA", "base64 of 32"),
        (public_key("ada") + "=", "base64 of 32"),
        (public_key("ada").rstrip("="), "base64 of 32"),
        ("ed25519:\u00e9", "base64 of 32"),
        (key_of(P + 2), "no point"),
        (key_of(2), "no point"),
    ],
)
def test_a_malformed_key_is_refused_with_why(text: str, why: str) -> None:
    assert why in str(flaw_of_key(text))


def test_sound_keys_have_no_flaw_and_one_short_name_each() -> None:
    assert [flaw_of_key(public_key(name)) for name in ("ada", "bob", "eve")] == [None] * 3
    assert len({fingerprint(public_key(name)) for name in ("ada", "bob", "eve")}) == 3
    assert len(fingerprint(public_key("ada"))) == 16
