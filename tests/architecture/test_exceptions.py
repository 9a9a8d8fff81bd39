"""Nothing is silenced without its reason beside it."""

from __future__ import annotations

import re

import pytest

from tests.architecture.tree import PACKAGES, modules, shown

SILENCED = re.compile(r"#\s*(?:no" + r"qa|type:\s*ign" + r"ore|pragma:\s*no)", re.IGNORECASE)
REASONED = re.compile(
    r"#\s*(?:no" + r"qa: [A-Z0-9, ]+|type: ign" + r"ore\[[a-z, \-]+\]|pragma: no (?:cover|branch))[\s#:,\-]+\S+ ?\S+"
)


def silent(text: str) -> list[int]:
    """The lines that switch a check off and do not say why."""
    lines = enumerate(text.splitlines(), start=1)
    return [number for number, line in lines if SILENCED.search(line) and not REASONED.search(line)]


def test_every_exception_has_its_reason() -> None:
    everywhere = modules(*PACKAGES, "tests", "benchmarks", "docs", "examples")
    assert [f"{shown(path)}:{line}" for path in everywhere for line in silent(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "line", ["x  # no" + "qa", "x  # no" + "qa: E501", "x  # type: ign" + "ore", "x  # type: ign" + "ore[misc]"]
)
def test_a_bare_exception_is_seen(line: str) -> None:
    assert silent(line) == [1]


@pytest.mark.parametrize(
    "line", ["x  # no" + "qa: E501, S101 - a table", "x  # type: ign" + "ore[misc]  # the SDK lies"]
)
def test_a_reasoned_exception_passes(line: str) -> None:
    assert silent(line) == []
