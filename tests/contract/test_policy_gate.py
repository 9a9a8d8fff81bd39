"""The example of a policy gate does what its README says, without a server."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.command_line import ROOT, CommandLine, environ

EXAMPLE = ROOT / "examples" / "policy-gate"
HISTORY = "histories/gate.json"


@pytest.fixture
def offline(tmp_path: Path) -> CommandLine:
    """`detent` at the root of the checkout, without a server."""
    return CommandLine(environ("127.0.0.1:1", "none", tmp_path), ROOT)


def commands() -> list[list[str]]:
    """The commands of the README that name files which are there."""
    found = re.findall(r"^    detent (.*)$", (EXAMPLE / "README.md").read_text(), re.MULTILINE)
    return [shlex.split(text) for text in found if "examples/" in text]


def test_each_command_ends_as_the_readme_says(offline: CommandLine) -> None:
    ends = [(next(word for word in words if "examples/" in word), offline(*words).returncode) for words in commands()]
    assert [(Path(file).name, code) for file, code in ends] == [
        ("policy.yaml", 0),
        ("tighter.yaml", 0),
        ("looser.yaml", 3),
        ("gate.json", 0),
    ]


def test_what_changed_is_printed_and_all_of_it_on_demand(offline: CommandLine) -> None:
    words = ("policy", "replay", "--candidate", str(EXAMPLE / "looser.yaml"), str(EXAMPLE / HISTORY))
    rows = offline.json(*words, code=3)
    assert {"file", "event", "call", "before", "after", "rules"} <= rows[0].keys()
    assert [(row["call"], row["before"], row["after"]) for row in rows if row["looser"]] == [
        ("write#1:1", "ask", "allow")
    ]
    every = offline.json(*words, "--all", code=3)
    assert len(every) == 4
    assert "1 more permissive" in offline(*words).stderr


def test_a_candidate_without_the_tenant_is_exit_2(offline: CommandLine) -> None:
    words = ("policy", "replay", "--candidate", str(EXAMPLE / "looser.yaml"), str(EXAMPLE / HISTORY))
    assert offline(*words, "--tenant", "nobody").returncode == 2
    assert offline(*words, "--tenant", "default").returncode == 3


def test_its_history_is_the_golden_one() -> None:
    golden = ROOT / "tests" / "replay" / "histories" / "gate.json"
    assert (EXAMPLE / HISTORY).read_bytes() == golden.read_bytes()


def test_its_policies_differ_in_one_thing_each(offline: CommandLine) -> None:
    Path(offline.environ["DETENT_WORKSPACE"]).mkdir()
    for name in ("policy", "tighter", "looser"):
        assert offline.json("policy", "check", str(EXAMPLE / f"{name}.yaml")) == []
    assert offline("graph", "check", str(EXAMPLE / "graph.yaml")).returncode == 0
