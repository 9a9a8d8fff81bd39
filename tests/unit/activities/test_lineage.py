"""Carries and children are believed by the seal of the run before them, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.lineage import check_carry, check_parent, is_carried
from activities.seal import SealKeys, as_text, carry_claim, child_claim
from workflows.contracts.admission import AdmitRequest

KEYS = SealKeys(bytes(32))
CARRIED = {"v": 1, "graph": {}, "carry": {"card": {}}}


def carried(seal: str | None, **changes: Any) -> AdmitRequest:
    given = {"run": CARRIED, "run_id": "r2", "first_run_id": "r0", "continued_run_id": "r1", "seal": seal}
    return AdmitRequest.model_validate({**given, **changes})


def seal_of_carry(**changes: Any) -> str:
    claim = {"namespace": "n", "workflow_id": "w", "first_run_id": "r0", "run_id": "r1", "next_input": CARRIED}
    return as_text(KEYS.seal("carry", carry_claim(**{**claim, **changes})))


def forged(request: AdmitRequest, check: Callable[..., None] = check_carry) -> str:
    with pytest.raises(ApplicationError) as caught:
        check(request, KEYS, "n", "w")
    assert caught.value.type == "ForgedInput"
    assert caught.value.non_retryable
    return caught.value.message


def test_a_sealed_carry_passes() -> None:
    check_carry(carried(seal_of_carry()), KEYS, "n", "w")


@pytest.mark.parametrize(
    "changes",
    [
        {"namespace": "m"},
        {"workflow_id": "v"},
        {"first_run_id": "r9"},
        {"run_id": "r9"},
        {"next_input": {**CARRIED, "input": 1}},
    ],
)
def test_the_seal_of_another_carry_does_not(changes: dict[str, Any]) -> None:
    assert "not sealed by the history before this one" in forged(carried(seal_of_carry(**changes)))


@pytest.mark.parametrize("seal", [None, "", "AAAA", "?"])
def test_no_seal_does_not(seal: str | None) -> None:
    forged(carried(seal))


def test_a_carry_continues_something() -> None:
    assert "continues no other" in forged(carried(seal_of_carry(), continued_run_id=None))


@pytest.mark.parametrize(("run", "found"), [(CARRIED, True), ({"carry": None}, False), ({}, False), ([], False)])
def test_a_carry_is_what_says_so(run: object, found: bool) -> None:
    assert is_carried(carried(None, run=run)) is found


def child(seal: str | None) -> AdmitRequest:
    parent = {"workflow_id": "p", "run_id": "pr"}
    return AdmitRequest.model_validate(
        {"run": {"graph": {}}, "run_id": "r", "first_run_id": "r", "parent": parent, "seal": seal}
    )


def seal_of_child(**changes: Any) -> str:
    claim = {
        "namespace": "n",
        "parent_id": "p",
        "parent_run_id": "pr",
        "workflow_id": "w",
        "child_input": {"graph": {}},
    }
    return as_text(KEYS.seal("child", child_claim(**{**claim, **changes})))


def test_a_sealed_child_passes_and_so_does_who_has_no_parent() -> None:
    check_parent(child(seal_of_child()), KEYS, "n", "w")
    check_parent(AdmitRequest(run={}, run_id="r", first_run_id="r"), KEYS, "n", "w")


@pytest.mark.parametrize("field", ["namespace", "parent_id", "parent_run_id", "workflow_id"])
def test_the_seal_of_another_child_does_not(field: str) -> None:
    assert "did not seal its start" in forged(child(seal_of_child(**{field: "x"})), check_parent)
    forged(child(seal_of_child(child_input={"graph": {"a": 1}})), check_parent)
    forged(child(None), check_parent)
