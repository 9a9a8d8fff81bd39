"""The examples run as their READMEs say, with their effects on real files."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CommandLine, environ

EXAMPLES = Path(__file__).parents[2] / "examples"
LIMIT_S = 60


@pytest.fixture
def checkout(tmp_path: Path) -> CommandLine:
    """A copy of the examples in an empty directory, and `detent` called from there."""
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    for made in ("code-review/workspace/reports", "coding-agent/workspace/src"):  # by somebody who tried them in place
        shutil.rmtree(tmp_path / "examples" / made, ignore_errors=True)
    found = environ("", "examples", tmp_path)
    kept = {name: value for name, value in found.items() if not name.startswith(("TEMPORAL_", "DETENT_"))}
    return CommandLine(kept, tmp_path)


def command_of(example: str) -> list[str]:
    """The words of the one `detent` command in an example's README."""
    text = (EXAMPLES / example / "README.md").read_text()
    found = re.search(r"^    detent ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    assert found is not None
    return shlex.split(found[1].replace("\\\n", " "))


def run(cli: CommandLine, *words: str) -> dict[str, Any]:
    """Run a command to its end and give its RunView."""
    process = cli.start(*words, "--output", "json")
    out, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, said
    view = json.loads(out)
    assert isinstance(view, dict)
    return view


def test_code_review_writes_its_report_once_it_is_accepted(checkout: CommandLine) -> None:
    view = run(checkout, *command_of("code-review"), "--answer", "accept=accept")
    assert view["phase"] == "completed"
    assert view["output"]["files"] == 4
    report = checkout.directory / "examples/code-review/workspace/reports/review.md"
    assert report.read_text() == view["output"]["report"]
    statuses = [node["status"] for node in view["nodes"] if node["node"] == "read"]
    assert sorted(statuses) == ["failed", "ok", "ok", "ok"]
    assert len(view["state"]["findings"]) == 3
    assert view["usage"]["cost_usd"] > 0


def test_code_review_writes_nothing_before_it_is_accepted(checkout: CommandLine) -> None:
    process = checkout.start(*command_of("code-review"), "--output", "json")
    out, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 4, said
    assert [pause["node"] for pause in json.loads(out)["pauses"]] == ["accept"]
    assert not (checkout.directory / "examples/code-review/workspace/reports").exists()


def test_coding_agent_refines_in_one_branch_and_is_accepted(checkout: CommandLine) -> None:
    view = run(checkout, *command_of("coding-agent"))
    assert view["output"]["files"] == ["src/cents.py", "src/slug.py"]
    assert view["output"]["tries"] == 3
    source = (checkout.directory / "examples/coding-agent/workspace/src/cents.py").read_text()
    assert "TODO" not in source
    assert [node["visit"] for node in view["nodes"] if node["node"] == "code"] in ([1, 1, 2], [1, 2, 1])


def test_coding_agent_goes_back_to_the_start_when_it_is_sent_back(checkout: CommandLine) -> None:
    words = command_of("coding-agent")[:-2]
    again = 'clarify=go:{"answer": "once more"}'
    view = run(checkout, *words, "--answer", "accept=revise", "--answer", again, "--answer", "accept=accept")
    assert view["phase"] == "completed"
    assert [node["visit"] for node in view["nodes"] if node["node"] == "plan"] == [1, 2]


def test_demo_leaves_nothing_running_and_says_where_to_look(checkout: CommandLine) -> None:
    process = checkout.start("demo")
    out, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, said
    assert "completed" in out
    lines = said.splitlines()[-4:]
    assert [line.split(" ")[0] for line in lines] == ["completed", "report", "ui", "again:"]
    assert "ledger.py:9" in Path(lines[1].removeprefix("report ")).read_text()
