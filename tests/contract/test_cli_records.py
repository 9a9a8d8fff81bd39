"""Execution records from the command line: made of histories, routed again, and refused where they are not whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command_line import CommandLine

if TYPE_CHECKING:
    from collections.abc import Callable

HISTORIES = Path(__file__).resolve().parents[1] / "replay" / "histories"
WHOLE = ("answered_by_signal", "branches", "cancel", "failure_retry", "gate", "held", "risky", "sequence")


@pytest.fixture
def offline(tmp_path: Path) -> CommandLine:
    """The command line without a server, with a store of its own."""
    return CommandLine({"TEMPORAL_CONFIG_FILE": os.devnull, "DETENT_BLOBS": str(tmp_path / "blobs")}, tmp_path)


def records(offline: CommandLine, *names: str, kind: str | None = None) -> tuple[Path, list[dict[str, Any]]]:
    """What `detent records` prints of histories, in a file and parsed."""
    files = [word for name in names for word in ("--history", str(HISTORIES / f"{name}.json"))]
    done = offline("records", *files, *(("--kind", kind) if kind else ()))
    assert done.returncode == 0, done.stderr
    file = offline.directory / "records.jsonl"
    file.write_text(done.stdout)
    return file, [json.loads(text) for text in done.stdout.splitlines()]


def history(name: str) -> tuple[str, str]:
    return "--history", str(HISTORIES / f"{name}.json")


@pytest.mark.parametrize("name", WHOLE)
def test_the_same_records_give_the_same_edges(offline: CommandLine, name: str) -> None:
    file, found = records(offline, name)
    said = offline.json("replay", "--envelopes", str(file), *history(name))
    assert (said["ok"], said["executions"], said["difference"]) == (True, len(found) - 1, None)


def test_a_run_that_was_carried_has_its_records_from_all_histories(offline: CommandLine) -> None:
    file, found = records(offline, "carry-2", "carry-1")
    assert found[0]["whole"]
    assert [one["ended_seq"] for one in found[1:]] == list(range(1, 29))
    assert offline("replay", "--envelopes", str(file), *history("carry-1")).returncode == 0


def test_a_run_whose_beginning_is_gone_has_records_and_no_replay(offline: CommandLine) -> None:
    file, found = records(offline, "carry-2")
    assert not found[0]["whole"]
    done = offline("replay", "--envelopes", str(file), *history("carry-2"))
    assert done.returncode == 7
    assert "does not reach back to the run's beginning" in done.stderr


def test_histories_of_two_runs_are_refused(offline: CommandLine) -> None:
    done = offline("records", *history("carry-1"), *history("risky"))
    assert done.returncode == 7
    assert "not the executions of one run" in done.stderr


def test_costs_are_summed_once(offline: CommandLine) -> None:
    _, found = records(offline, "sequence")
    run, *executions = found
    calls = [call for one in executions for call in one["calls"]]
    assert run["tokens_used"] == sum(one["tokens_used"] for one in executions) == sum(c["tokens_used"] for c in calls)
    result = json.loads((HISTORIES / "sequence.json").read_text())["events"][-1]
    assert "workflowExecutionCompletedEventAttributes" in result
    assert [call["name"] for call in calls] == ["note", "large", "note", "default"]
    assert {call["status"] for call in calls} == {"ok"}


def test_attempts_of_a_call_are_the_execution_s(offline: CommandLine) -> None:
    _, found = records(offline, "failure_retry")
    skipped, completed = found[1:]
    assert (skipped["name"], skipped["status"], skipped["edge_taken"]) == ("try", "skipped", "pay")
    assert skipped["attempt"] == sum(call["attempts"] for call in skipped["calls"]) > 1
    assert [call["generation"] for call in skipped["calls"]] == [0, 1]
    assert (completed["result"], completed["status"]) == ({"inline": {"paid": 1}}, "ok")
    assert completed["calls"][0]["status"] == "timed_out"


def test_a_large_result_stands_by_reference_and_is_fetched(offline: CommandLine, tmp_path: Path) -> None:
    file, found = records(offline, "sequence")
    (large,) = [one for one in found if one.get("name") == "two"]
    assert sorted(large["result"]) == ["digest", "size_bytes", "uri"]
    assert large["result"]["uri"] == f"blob:default/{large['result']['digest']}"
    said = offline.json("replay", "--envelopes", str(file), *history("sequence"))
    assert said["by_reference"] == 1
    elsewhere = CommandLine({**offline.environ, "DETENT_BLOBS": str(tmp_path / "empty")}, tmp_path)
    done = elsewhere("replay", "--envelopes", str(file), *history("sequence"))
    assert done.returncode == 5
    assert "is DETENT_BLOBS where the records were made?" in done.stderr


def test_a_reference_to_another_tenant_is_refused(offline: CommandLine) -> None:
    file, _ = records(offline, "sequence")
    file.write_text(file.read_text().replace("blob:default/", "blob:other/"))
    done = offline("replay", "--envelopes", str(file), *history("sequence"))
    assert done.returncode == 7
    assert "no blob of tenant `default`" in done.stderr


def rewritten(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change every line."""
    found = [json.loads(text) for text in file.read_text().splitlines()]
    for record in found:
        change(record)
    file.write_text("\n".join(json.dumps(record) for record in found))


def test_an_edge_that_the_graph_does_not_give_is_exit_5(offline: CommandLine) -> None:
    file, _ = records(offline, "sequence")

    def forge(record: dict[str, Any]) -> None:
        if record.get("name") == "route":
            record["edge_taken"] = "fail"

    rewritten(file, forge)
    said = offline.json("replay", "--envelopes", str(file), *history("sequence"), code=5)
    assert said["difference"] == {"activation": "route#1", "field": "edge_taken", "recorded": "fail", "made": "nap"}
    text = offline("replay", "--envelopes", str(file), *history("sequence"))
    assert '`route#1`: `edge_taken` is "fail" in the records and "nap" here' in text.stdout


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (lambda lines: lines[1:], "0 lines of kind `run`"),
        (lambda lines: lines[:-1], "is not whole"),
        (lambda lines: [*lines, lines[-1]], "is not whole"),
        (lambda lines: [*lines, "{"], "is not JSON"),
        (lambda lines: [*lines, '{"kind": "other"}'], "kind `other`"),
        (lambda lines: [line.replace('"v": 1,', '"v": 9,') for line in lines], "`v`"),
    ],
)
def test_records_that_are_not_all_there_are_refused(
    offline: CommandLine, cut: Callable[[list[str]], list[str]], words: str
) -> None:
    file, _ = records(offline, "risky")
    file.write_text("\n".join(cut(file.read_text().splitlines())))
    done = offline("replay", "--envelopes", str(file), *history("risky"))
    assert (done.returncode, words in done.stderr) == (7, True), done.stderr
    assert "Traceback" not in done.stderr


def test_another_graph_is_refused(offline: CommandLine) -> None:
    file, _ = records(offline, "risky")
    done = offline("replay", "--envelopes", str(file), *history("held"))
    assert done.returncode == 7
    assert "is not the graph of" in done.stderr


def test_a_kind_is_picked(offline: CommandLine) -> None:
    _, found = records(offline, "branches", kind="plan")
    assert {one["kind"] for one in found} == {"plan"}
    (split,) = [one for one in found if one["activation"] == "split#1"]
    assert [branch["to"] for branch in split["opened"]] == ["left", "right"]
    assert split["edge_taken"] == "done"


@pytest.mark.parametrize(
    "words", [(), ("RUN", *history("risky")), ("--history", "nowhere.json"), (*history("refused"),)]
)
def test_what_cannot_be_recorded_is_refused_in_words(offline: CommandLine, words: tuple[str, ...]) -> None:
    done = offline("records", *words)
    assert done.returncode in (2, 7), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [(), ("--envelopes", "x"), ("--history", "x"), ("--envelopes", "x", "y")])
def test_a_replay_of_nothing_in_particular_is_a_usage_error(offline: CommandLine, words: tuple[str, ...]) -> None:
    assert offline("replay", *words).returncode == 2
