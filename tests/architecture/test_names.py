"""Modules are named for what they hold, and open by saying what they are for."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.tree import PACKAGES, modules, parsed, shown

NAMELESS = frozenset({"util", "utils", "helper", "helpers", "common", "base", "manager", "handler", "handlers", "misc"})
SENTENCE = re.compile(r"[^\s].*[.!?]$")


def is_nameless(stem: str) -> bool:
    """Whether a module's name says nothing, alone or as one of its words."""
    return not NAMELESS.isdisjoint(stem.strip("_").split("_"))


def opens_with_a_sentence(tree: ast.Module) -> bool:
    """Whether the module's docstring exists, and its first paragraph is a whole sentence."""
    first = (ast.get_docstring(tree) or "").partition("\n\n")[0]
    return SENTENCE.fullmatch(" ".join(first.split())) is not None


def test_no_module_has_a_name_that_says_nothing() -> None:
    everywhere = modules(*PACKAGES, "tests", "benchmarks", "docs", "examples")
    assert [shown(path) for path in everywhere if is_nameless(path.stem) or is_nameless(path.parent.name)] == []


def test_every_module_opens_with_a_sentence() -> None:
    everywhere = modules(*PACKAGES, "tests", "benchmarks", "docs", "examples")
    written = [path for path in everywhere if path.stat().st_size > 0]
    assert [shown(path) for path in written if not opens_with_a_sentence(parsed(path))] == []


@pytest.mark.parametrize("stem", ["utils", "http_utils", "base", "_common", "event_handler"])
def test_a_name_that_says_nothing_is_seen(stem: str) -> None:
    assert is_nameless(stem)


@pytest.mark.parametrize("stem", ["decide", "capability", "handle", "baseline"])
def test_a_name_that_says_something_passes(stem: str) -> None:
    assert not is_nameless(stem)


@pytest.mark.parametrize("source", ["x = 1", '"""half a sentence"""', '"""   """'])
def test_a_module_without_a_sentence_is_seen(source: str) -> None:
    assert not opens_with_a_sentence(ast.parse(source))
