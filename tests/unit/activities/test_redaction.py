"""No value of a secret is left in what was redacted, in whatever spelling, and nothing else is changed."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.converter import DefaultPayloadConverter
from temporalio.exceptions import ApplicationError

from activities.redaction import LEAST_CHARS, REDACTED, Redactor, forms_of

CANARY = 'sk/canary+"7f3a" \\9c21=d0'
KEY = bytes(range(200, 232))
SECRETS = st.text(min_size=LEAST_CHARS, max_size=60)


def spellings(secret: str) -> list[str]:
    """How a program might write it."""
    raw = secret.encode()
    encoded = [base64.b64encode(raw), base64.urlsafe_b64encode(raw), base64.b64encode(raw).rstrip(b"=")]
    escaped = [quote(secret, safe=""), quote_plus(secret), quote(secret, safe="").lower()]
    return [secret, *(one.decode() for one in encoded), *escaped, json.dumps(secret), raw.hex(), raw.hex().upper()]


@pytest.mark.parametrize("spelled", spellings(CANARY))
def test_every_spelling_is_taken_out(spelled: str) -> None:
    for text in (spelled, f"key={spelled}&x", f"\n{spelled}\n", spelled + spelled):
        assert spelled in text
        redacted = Redactor([CANARY]).text(text)
        assert spelled.strip('"') not in redacted
        assert REDACTED in redacted


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "some user:"])
@pytest.mark.parametrize("after", ["", "x", "yz", ":tail"])
def test_it_is_found_in_the_base64_of_a_longer_text(before: str, after: str) -> None:
    encoded = base64.b64encode(f"{before}{CANARY}{after}".encode()).decode()
    redacted = Redactor([CANARY]).text(f"Basic {encoded}")
    assert CANARY[2:-2].encode() not in b"".join(_decodings(redacted))


def _decodings(text: str) -> list[bytes]:
    parts = text.replace(REDACTED, " ").split()
    return [base64.b64decode(part[: len(part) // 4 * 4] or "", validate=False) for part in parts]


def test_keys_of_bytes_are_taken_out() -> None:
    for text in (base64.b64encode(KEY).decode(), base64.urlsafe_b64encode(KEY).decode(), KEY.hex()):
        assert Redactor([KEY]).text(f"a {text} b") == f"a {REDACTED} b"


def test_short_values_are_left_alone() -> None:
    assert Redactor(["1234567", ""]).text("1234567") == "1234567"


@given(secret=SECRETS, before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_text_keeps_the_value(secret: str, before: str, after: str) -> None:
    redacted = Redactor([secret]).text(before + secret + after)
    assert secret in REDACTED or secret not in redacted.replace(REDACTED, "\0")


@given(text=st.text(max_size=200))
def test_text_without_the_value_is_not_changed(text: str) -> None:
    assert Redactor(["a value that is in no text"]).text(text) == text


@given(
    secret=st.text(alphabet="abcdefgh0123", min_size=LEAST_CHARS, max_size=40),
    start=st.integers(0, 80),
    length=st.integers(0, 120),
)
def test_an_excerpt_shows_no_part_of_a_value_that_its_edges_cut(secret: str, start: int, length: int) -> None:
    whole = "X" * 30 + secret + "Y" * 30
    shown = Redactor([secret]).excerpt(whole[start : start + length])
    assert not any(secret[at : at + 8] in shown for at in range(len(secret) - 7))
    if not {*"abcdefgh0123"} & {*whole[start : start + length]}:
        assert shown == whole[start : start + length]


def test_values_are_redacted_all_the_way_down() -> None:
    found = Redactor([CANARY]).value({CANARY: [{"a": f"<{CANARY}>", "n": 3}, (CANARY, None, True)]})
    assert found == {REDACTED: [{"a": f"<{REDACTED}>", "n": 3}, [REDACTED, None, True]]}
    assert Redactor().value({"a": CANARY}) == {"a": CANARY}


def test_errors_keep_all_but_the_value() -> None:
    error = ApplicationError(f"bad {CANARY}", {"k": CANARY}, type="ToolFailed", non_retryable=True)
    error.__cause__ = ValueError(CANARY)
    plain = Redactor([CANARY]).error(error)
    assert (plain.message, plain.details) == (f"bad {REDACTED}", ({"k": REDACTED},))
    assert (plain.type, plain.non_retryable, plain.__cause__) == ("ToolFailed", True, None)


@pytest.mark.parametrize("secret", [CANARY, "plain-canary-value", "kanári-Ü-чек-鍵-canary"])
def test_payloads_are_redacted_and_otherwise_the_same(secret: str) -> None:
    convert = DefaultPayloadConverter()
    dirty = convert.to_payload({"out": [f"x{secret}y"], "n": 1, "t": "ünï"})
    clean = Redactor([secret]).payload(dirty)
    assert convert.from_payload(clean) == {"out": [f"x{REDACTED}y"], "n": 1, "t": "ünï"}
    assert Redactor(["something else"]).payload(dirty) is dirty


def test_a_value_from_an_environment_that_is_not_utf_8_is_no_trouble() -> None:
    assert "\udcff" not in Redactor(["canary-\udcff-value"]).text("a canary-\udcff-value b")


def test_forms_stand_longest_first() -> None:
    sizes = [len(form) for form in forms_of(CANARY)]
    assert sizes == sorted(sizes, reverse=True)
