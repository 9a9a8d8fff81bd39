"""Every row of the reference that is about policy has its cases, or a test of its own, or a reason why not."""

from __future__ import annotations

import re
from pathlib import Path

from policies.cases import parse_cases
from policies.document import builtin_policy
from tests.unit.policies.test_cases import FILES, load

TESTS = Path(__file__).parents[2]
ROWS = {*range(77, 108), 112, 113, 114, 117}
ELSEWHERE = {
    102: "unit/policies/test_trigger_document.py",
    104: "unit/policies/test_trigger_document.py",
    105: "unit/engine/test_answers.py",
    112: "unit/policies/test_trigger_document.py",
    113: "scenarios/human.txt",
    117: "unit/engine/test_auditing.py",
}
"""Rows about how a person is asked and about what is written down: the gate decides nothing there."""
NOT_THERE = {106: "nobody is notified: pauses are listed, shown and queried"}


def rows_with_cases() -> set[int]:
    """The rows that the names of our cases begin with."""
    names = [case.name for path in FILES for case in parse_cases(load(path), builtin_policy())]
    return {int(found[1]) for name in names if (found := re.match(r"(\d+): ", name))}


def test_every_row_about_policy_is_covered() -> None:
    assert rows_with_cases() >= ROWS - set(ELSEWHERE) - set(NOT_THERE)


def test_no_row_is_excused_that_has_cases() -> None:
    assert not rows_with_cases() & (set(ELSEWHERE) | set(NOT_THERE))


def test_what_is_tested_elsewhere_is_there() -> None:
    assert [file for file in ELSEWHERE.values() if not (TESTS / file).is_file()] == []
