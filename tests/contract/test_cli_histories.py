"""Histories from the command line: exported whole, replayed offline."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import CommandLine, with_worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

pytestmark = pytest.mark.server
LARGE = "x" * 100_000


@pytest.fixture(scope="module")
def exported(cli: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The history of a run with payloads that lie in the blob store."""
    file = tmp_path_factory.mktemp("histories") / "h.json"
    run = cli.json("run", "ask.yaml", "--set", f"what={LARGE}", "--answer", "accept=accept")["id"]
    done = cli("history", run, "-o", str(file))
    assert done.returncode == 0, done.stderr
    return file


def _offline(cli: CommandLine, tmp_path: Path) -> CommandLine:
    """The command line without a server and with an empty store."""
    environ = {**cli.environ, "TEMPORAL_ADDRESS": "127.0.0.1:1", "DETENT_BLOBS": str(tmp_path / "none")}
    return CommandLine(environ, tmp_path)


def _rewritten(file: Path, target: Path, change: Callable[[Any], None]) -> Path:
    history = json.loads(file.read_text())
    change(history)
    target.write_text(json.dumps(history))
    return target


@pytest.mark.parametrize("sandbox", ["--sandbox", "--no-sandbox"])
def test_an_exported_history_replays_without_server_or_store(
    cli: CommandLine, exported: Path, tmp_path: Path, sandbox: str
) -> None:
    assert "ExternalStorageReference" not in exported.read_text()
    rows = _offline(cli, tmp_path).json("replay", sandbox, str(exported))
    assert rows == [{"file": str(exported), "ok": True, "events": rows[0]["events"], "error": None}]


def test_a_history_that_this_code_would_not_make_is_exit_5(cli: CommandLine, tmp_path: Path) -> None:
    run = cli.json("run", "find.yaml", "--set", "pattern=*.py")["id"]
    file = tmp_path / "find.json"
    assert cli("history", run, "-o", str(file)).returncode == 0

    def another_tool(history: Any) -> None:  # noqa: ANN401 - a history as JSON
        for event in history["events"]:
            if "activityTaskScheduledEventAttributes" in event:
                event["activityTaskScheduledEventAttributes"]["activityId"] = "list#1:0@000000000000"

    changed = _rewritten(file, tmp_path / "changed.json", another_tool)
    offline = _offline(cli, tmp_path)
    rows = offline.json("replay", str(file), str(changed), code=5)
    assert [row["ok"] for row in rows] == [True, False]
    assert "list#1" in rows[1]["error"]["message"]
    text = offline("replay", str(changed))
    assert (text.returncode, text.stdout[0]) == (5, "✗")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"events": []}', '{"events": [{"eventId": "x"}]}', "\x00"])
def test_what_is_no_history_is_exit_7(cli: CommandLine, tmp_path: Path, content: str) -> None:
    file = tmp_path / "h.json"
    file.write_text(content)
    done = _offline(cli, tmp_path)("replay", str(file))
    assert done.returncode == 7, done.stderr
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_exit_7(cli: CommandLine, tmp_path: Path) -> None:
    assert _offline(cli, tmp_path)("replay", "nowhere.json").returncode == 7


def test_a_history_goes_to_stdout_without_a_file(cli: CommandLine, exported: Path) -> None:
    run = json.loads(exported.read_text())["events"][0]["workflowExecutionStartedEventAttributes"]["workflowId"]
    done = cli("history", run)
    assert done.returncode == 0
    assert json.loads(done.stdout) == json.loads(exported.read_text())


def test_every_execution_of_a_run_that_was_continued_is_exported(cli: CommandLine, tmp_path: Path) -> None:
    (cli.directory / "long.yaml").write_text(
        "graph: long\nversion: 1.0.0\ndefaults: {max_visits: 40}\nstate: {n: {reducer: add}}\nstart: nap\nnodes:\n"
        "  nap: {kind: wait, for: 1ms, writes: {n: 1}, next: more}\n"
        "  more: {kind: plan, rules: [{when: state.n < 30, to: nap}, {to: end}]}\n"
    )
    environ = {**cli.environ, "DETENT_TASK_QUEUE": "cli-carry", "DETENT_CARRY_AFTER_EVENTS": "50"}
    file = tmp_path / "long.json"
    working = contextlib.contextmanager(with_worker)
    with working(CommandLine(environ, cli.directory)) as ours:
        run = ours.json("run", "long.yaml")["id"]
        told = ours.json("history", run, "-o", str(file))
        last = ours("history", run)
    files = [str(tmp_path / name) for name in ("long.json", "long.2.json", "long.3.json")]
    assert told["files"][:3] == files
    assert "`-o FILE` writes those before it" in last.stderr
    rows = _offline(cli, tmp_path).json("replay", *told["files"])
    assert all(row["ok"] for row in rows)
    assert sum(row["events"] for row in rows) == told["events"]
