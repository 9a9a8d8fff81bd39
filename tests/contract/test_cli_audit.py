"""Audits and costs from the command line: exported, verified, and added up."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from cli.costs import CostRow
from policies.canonical import canonical
from workflows.engine.auditing import DOMAIN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command_line import CommandLine

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def run(cli: CommandLine) -> str:
    """A closed run that a person answered in, and that called a tool."""
    found: str = cli.json("run", "ask.yaml", "--set", "what=x", "--answer", "accept=accept")["id"]
    return found


@pytest.fixture(scope="module")
def history(cli: CommandLine, run: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its history."""
    file = tmp_path_factory.mktemp("audit") / "h.json"
    assert cli("history", run, "-o", str(file)).returncode == 0
    return str(file)


def test_exported_records_are_a_chain_that_ends_where_the_run_says(cli: CommandLine, run: str, tmp_path: Path) -> None:
    records = [json.loads(text) for text in cli("audit", "export", run).stdout.splitlines()]
    before = ""
    for place, record in enumerate(records, start=1):
        bare = {key: value for key, value in record.items() if key not in ("head", "beside", "run_id", "history_event")}
        assert (bare["seq"], bare["prev"]) == (place, before)
        before = record["head"]
        assert before == hashlib.sha256(DOMAIN + canonical(bare)).hexdigest()
    assert {"admitted", "pause", "answered", "ended"} <= {record["kind"] for record in records}
    audit = cli.json("show", run)["audit"]
    assert (audit["head"], audit["seq"]) == (before, len(records))
    file = tmp_path / "records.jsonl"
    assert cli.json("audit", "export", run, "-o", str(file))["records"] == len(records)
    assert len(file.read_text().splitlines()) == len(records)


def test_an_exported_history_verifies_up_to_the_head_that_the_run_ended_with(
    cli: CommandLine, run: str, history: str
) -> None:
    head = cli.json("show", run)["audit"]["head"]
    (report,) = cli.json("audit", "verify", history, "--head", head)
    assert (report["ok"], report["proven"], report["head"]) == (True, report["records"], head)
    assert "tail not proven" in cli("audit", "verify", history).stdout
    assert "proven to its last record" in cli("audit", "verify", history, "--head", head).stdout
    wrong = cli("audit", "verify", history, "--head", "0" * 64)
    assert (wrong.returncode, wrong.stdout[0]) == (5, "✗")


def test_a_recorded_call_is_explained_as_it_was_decided(cli: CommandLine, tmp_path: Path) -> None:
    run, file = cli.json("run", "find.yaml", "--set", "pattern=*.py")["id"], tmp_path / "h.json"
    assert cli("history", run, "-o", str(file)).returncode == 0
    *waited, found = cli.json("policy", "explain", "--history", str(file), "--call", "list#1")
    assert {one["verdict"] for one in waited} <= {"wait"}  # for a lease of the tenant's budget
    assert (found["call"], found["verdict"]) == ("list#1:1", "allow")
    assert [row["stage"] for row in found["stages"]][:4] == ["tenant", "capability", "protected", "risk"]
    events = json.loads(file.read_text())["events"]
    scheduled = next(event for event in events if "activityTaskScheduledEventAttributes" in event)["eventId"]
    assert found in cli.json("policy", "explain", "--history", str(file), "--event", scheduled)
    assert found["name"] in cli("policy", "explain", "--history", str(file)).stdout
    assert cli("policy", "explain", "--history", str(file), "--call", "nope").returncode == 8
    assert cli("policy", "explain", "--history", str(file), "--args", "{}").returncode == 2
    assert cli("policy", "explain", "x", "--event", "3").returncode == 2
    assert cli("policy", "explain").returncode == 2


def test_what_runs_used_is_added_up(cli: CommandLine, run: str) -> None:
    (one,) = [CostRow.model_validate(row) for row in cli.json("cost", run)]
    assert one.name == run
    assert one.used["steps"] == cli.json("show", run)["usage"]["steps"]
    assert one.limit["steps"] is None or one.limit["steps"] > 0
    listed = {row["name"]: row for row in cli.json("cost", "--since", "1h")}
    assert listed[run]["used"] == one.used
    for by in ("tenant", "graph"):
        rows = [CostRow.model_validate(row) for row in cli.json("cost", "--by", by)]
        assert sum(row.runs for row in rows) >= len(listed)
        assert any(row.name in run for row in rows)
    assert "steps" in cli("cost", run).stdout
    assert run in cli("cost").stdout


@pytest.mark.parametrize("words", [("--since", "soon"), ("x", "--since", "1h"), ("x", "--by", "tenant")], ids=" ".join)
def test_what_cannot_be_meant_is_exit_2(cli: CommandLine, words: tuple[str, ...]) -> None:
    assert cli("cost", *words).returncode == 2
