"""No file leaks the machine, the registry or the folder that it was written with."""

from __future__ import annotations

import re

import pytest

from tests.architecture.tree import ROOT, files, shown

# Each pattern is broken up so that this file does not match itself.
FOREIGN = {
    "the specification's folder": re.compile(r"\.\./shar" + "ed"),
    "a path of one machine": re.compile(
        r"(?<![\w.\-$}\])])/(?:wor" + r"k|roo" + r"t|opt/whee" + r"ls|opt/py" + r"pi)(?![\w\-#])"
    ),
    "a package registry": re.compile(
        "py" + r"pi\.org|python" + r"hosted\.org|npm" + r"js\.(?:org|com)|crates" + r"\.io"
    ),
}


def foreign(text: str) -> list[str]:
    """What a text names that does not belong to the project."""
    return [what for what, pattern in FOREIGN.items() if pattern.search(text)]


def test_no_file_names_what_is_not_ours() -> None:
    found = []
    for path in files():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{shown(path)}: {what}" for what in foreign(text)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    ["see ../shar" + "ed/x.md", "cd /wor" + "k/main", '"/roo' + 't/.x"', "--index https://py" + "pi.org/simple"],
)
def test_a_leak_is_seen(text: str) -> None:
    assert foreign(text)


@pytest.mark.parametrize(
    "text", ["/workspace/a", "/workflows", "a/work/b", "the root of a tree", "split#1[0]/work#1", "shared/x"]
)
def test_ordinary_words_pass(text: str) -> None:
    assert foreign(text) == []


def test_the_lock_pins_every_package_by_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^[a-zA-Z0-9._-]+(?:\[[^\]]*\])?==.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)+", lock, re.MULTILINE)
    starts = [line for line in lock.splitlines() if line and line[0] not in " #"]
    assert len(pins) == len(starts) > 0
    assert "--index" not in lock
    assert "--find" not in lock
