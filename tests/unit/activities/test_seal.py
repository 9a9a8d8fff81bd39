"""A seal is of one claim, of one kind, under one of two keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload

from activities.seal import (
    Kind,
    SealKeys,
    activity_claim,
    admission_claim,
    as_text,
    carry_claim,
    child_claim,
    digest_of,
    digest_of_payloads,
    from_text,
)

A, B, C = (bytes([byte]) * 32 for byte in (1, 2, 3))
KEYS = SealKeys(A)
CALL: dict[str, Any] = {
    "namespace": "n",
    "workflow_id": "w",
    "run_id": "r",
    "activity_id": "a",
    "activity": "fs.read",
    "given": "0" * 64,
}
CARRY: dict[str, Any] = {
    "namespace": "n",
    "workflow_id": "w",
    "first_run_id": "f",
    "run_id": "r",
    "next_input": {"carry": 1},
}
CHILD: dict[str, Any] = {
    "namespace": "n",
    "parent_id": "p",
    "parent_run_id": "r",
    "workflow_id": "w",
    "child_input": {"graph": {}},
}
ADMISSION: dict[str, Any] = {"namespace": "n", "workflow_id": "w", "request": "0" * 64, "result": {"policy": 1}}


@pytest.mark.parametrize(
    ("kind", "claim", "fields"),
    [
        ("activity", activity_claim, CALL),
        ("carry", carry_claim, CARRY),
        ("child", child_claim, CHILD),
        ("admission", admission_claim, ADMISSION),
    ],
)
def test_a_seal_covers_every_field(kind: Kind, claim: Callable[..., dict[str, object]], fields: dict[str, Any]) -> None:
    seal = KEYS.seal(kind, claim(**fields))
    assert KEYS.holds(kind, claim(**fields), seal)
    for name, value in fields.items():
        other: object = {"other": 1} if isinstance(value, dict) else f"{value}x"
        assert not KEYS.holds(kind, claim(**{**fields, name: other}), seal), name


def test_a_seal_of_one_kind_is_none_of_another() -> None:
    seal = KEYS.seal("carry", {"x": 1})
    assert not KEYS.holds("child", {"x": 1}, seal)


def test_two_keys_are_live_and_the_current_one_seals() -> None:
    both = SealKeys(B, A)
    assert both.holds("carry", {}, SealKeys(A).seal("carry", {}))
    assert both.holds("carry", {}, SealKeys(B).seal("carry", {}))
    assert not both.holds("carry", {}, SealKeys(C).seal("carry", {}))
    assert SealKeys(B).holds("carry", {}, both.seal("carry", {}))
    assert not SealKeys(A).holds("carry", {}, both.seal("carry", {}))


@pytest.mark.parametrize("length", [0, 1, 31, 33])
def test_a_part_of_a_seal_is_no_seal(length: int) -> None:
    seal = KEYS.seal("carry", {}) + b"\0"
    assert not KEYS.holds("carry", {}, seal[:length])
    assert not KEYS.holds("carry", {}, None)


def test_an_admission_is_sealed_without_its_seal() -> None:
    sealed = {**ADMISSION["result"], "seal": "anything"}
    assert admission_claim(**{**ADMISSION, "result": sealed}) == admission_claim(**ADMISSION)


def test_the_keys_are_not_shown() -> None:
    assert "\\x01" not in repr(SealKeys(A, B))
    assert "\\x02" not in str(SealKeys(A, B))


def test_values_that_differ_have_other_digests() -> None:
    values: list[object] = [
        1,
        1.0,
        "1",
        True,
        None,
        [],
        {},
        [1],
        {"a": 1},
        {"a": "1"},
        2**60,
        2**60 + 1,
        "é",
        "e\u0301",
    ]
    assert len({digest_of(value) for value in values}) == len(values)
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})


def test_a_value_of_any_depth_has_a_digest() -> None:
    value: object = 1
    for _ in range(190):
        value = [value]
    assert digest_of(value)


def test_payloads_that_differ_have_other_digests() -> None:
    def payload(data: bytes, encoding: bytes = b"json/plain") -> Payload:
        return Payload(metadata={"encoding": encoding}, data=data)

    given = [
        [],
        [payload(b"")],
        [payload(b""), payload(b"")],
        [payload(b"1")],
        [payload(b"1", b"json/plai")],
        [payload(b"1", b"")],
        [payload(b"12")],
        [payload(b"1"), payload(b"2")],
        [payload(b"2"), payload(b"1")],
        [Payload(data=b"n1")],
    ]
    assert len({digest_of_payloads(one) for one in given}) == len(given)


def test_a_seal_goes_through_text() -> None:
    seal = KEYS.seal("carry", {})
    assert from_text(as_text(seal)) == seal
    for text in (None, 3, "?", "é", b"AAAA"):
        assert from_text(text) is None
