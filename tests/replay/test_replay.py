"""This code still does what the recorded runs did, in every process and in both sandbox modes."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.replay.record import HISTORIES, RECORDINGS
from tests.support.command_line import ROOT, environ

FILES = sorted(HISTORIES.glob("*.json"))


def replay(directory: Path, *words: str, seed: str = "0", program: tuple[str, ...] = ("-m", "cli.main")) -> Any:  # noqa: ANN401 - JSON
    """The rows of `detent replay`, in a process that reaches no server and has no blobs."""
    found = {**environ("127.0.0.1:1", "none", directory), "PYTHONHASHSEED": seed}
    line = [sys.executable, *program, "replay", "--output", "json", *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=120, env=found, cwd=ROOT)
    assert done.returncode in (0, 5), done.stderr
    rows = json.loads(done.stdout)
    assert done.returncode == (0 if all(row["ok"] for row in rows) else 5)
    return rows


def test_every_recording_is_there() -> None:
    names = {path.stem.rpartition("-")[0] if path.stem[-1].isdigit() else path.stem for path in FILES}
    assert names == set(RECORDINGS)
    assert {path.stem for path in FILES} >= {"carry-1", "carry-2"}


@pytest.mark.parametrize("mode", ["--sandbox", "--no-sandbox"])
@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_recorded_runs_replay(tmp_path: Path, mode: str, seed: str) -> None:
    rows = replay(tmp_path, mode, *map(str, FILES), seed=seed)
    assert [(Path(row["file"]).name, row["error"]) for row in rows] == [(path.name, None) for path in FILES]


def changed(file: Path, name: str, change: Callable[[dict[str, Any]], None]) -> Path:
    """A recorded history in which something is different."""
    history = json.loads((HISTORIES / f"{name}.json").read_text())
    before = json.dumps(history)
    for event in history["events"]:
        change(event)
    assert json.dumps(history) != before
    file.write_text(json.dumps(history))
    return file


def rewrite(payload: dict[str, Any], old: str, new: str) -> None:
    """Change the text of a payload in place."""
    text = base64.b64decode(payload["data"]).decode()
    payload["data"] = base64.b64encode(text.replace(old, new).encode()).decode()


def another_call(event: dict[str, Any]) -> None:
    scheduled = event.get("activityTaskScheduledEventAttributes")
    if scheduled is not None:
        scheduled["activityId"] = scheduled["activityId"].partition("@")[0] + "@000000000000"


def another_tool(event: dict[str, Any]) -> None:
    scheduled = event.get("activityTaskScheduledEventAttributes")
    if scheduled is not None:
        scheduled["activityType"]["name"] = "other"


def another_answer(event: dict[str, Any]) -> None:
    accepted = event.get("workflowExecutionUpdateAcceptedEventAttributes")
    if accepted is not None:
        rewrite(accepted["acceptedRequest"]["input"]["args"]["payloads"][0], '"approve"', '"deny"')


def another_signal(event: dict[str, Any]) -> None:
    signalled = event.get("workflowExecutionSignaledEventAttributes")
    if signalled is not None and signalled.get("input"):
        rewrite(signalled["input"]["payloads"][0], '"p1"', '"p7"')


def another_policy(event: dict[str, Any]) -> None:
    marker = event.get("markerRecordedEventAttributes")
    if marker is not None:
        rewrite(marker["details"]["result"]["payloads"][0], '"high":"ask"', '"high":"auto"')


def another_input(event: dict[str, Any]) -> None:
    started = event.get("workflowExecutionStartedEventAttributes")
    if started is not None:
        rewrite(started["input"]["payloads"][0], '"who":"ada"', '"who":"bob"')


def another_result(event: dict[str, Any]) -> None:
    completed = event.get("activityTaskCompletedEventAttributes")
    if completed is not None:
        rewrite(completed["result"]["payloads"][0], '"value":1', '"value":7')


TAMPERED: tuple[tuple[str, Callable[[dict[str, Any]], None]], ...] = (
    ("sequence", another_call),
    ("sequence", another_tool),
    ("sequence", another_input),
    ("risky", another_answer),
    ("risky", another_policy),
    ("answered_by_signal", another_signal),
    ("branches", another_result),
    ("carry-2", another_call),
    ("cancel", another_tool),
)


def test_histories_that_this_code_would_not_make_are_noticed(tmp_path: Path) -> None:
    files = [str(changed(tmp_path / f"{number}.json", *tampered)) for number, tampered in enumerate(TAMPERED)]
    rows = replay(tmp_path, *files)
    unnoticed = [tampered for tampered, row in zip(TAMPERED, rows, strict=True) if row["ok"]]
    assert unnoticed == []
    assert all("[TMPRL1100]" in row["error"]["message"] for row in rows)


ANOTHER_NUMBER = "from workflows.contracts import names; names.ENGINE += 1"
ANOTHER_DIGEST = (
    "from workflows.engine import digest; plain = digest.decision_digest; "
    "digest.decision_digest = lambda **given: plain(**{**given, 'rules': [*given['rules'], 'x']})"
)


NEVER_BEGAN = {"refused"}
WITHOUT_CALLS = {"answered_by_update", "answered_by_signal", "refused"}


@pytest.mark.parametrize(
    ("program", "unmoved"), [(ANOTHER_NUMBER, NEVER_BEGAN), (ANOTHER_DIGEST, WITHOUT_CALLS)], ids=["number", "digest"]
)
def test_an_engine_that_decides_otherwise_is_noticed(tmp_path: Path, program: str, unmoved: set[str]) -> None:
    """The code is another one here, and the recorded histories are as they were."""
    rows = replay(tmp_path, *map(str, FILES), program=("-c", f"{program}; from cli.main import main; main()"))
    noticed = {Path(row["file"]).stem for row in rows if not row["ok"]}
    assert noticed == {path.stem for path in FILES} - unmoved


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recording_needs_nothing_else_and_names_no_machine(path: Path) -> None:
    text = path.read_text()
    payloads = [base64.b64decode(part).decode(errors="replace") for part in _data(json.loads(text))]
    for part in (text, *payloads):
        assert "ExternalStorageReference" not in part
        assert str(ROOT) not in part
        assert "/tmp" not in part
        assert 'File "' not in part


def _data(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Every payload's data, however deep."""
    if isinstance(value, list):
        return [found for item in value for found in _data(item)]
    if not isinstance(value, dict):
        return []
    own = [value["data"]] if isinstance(value.get("data"), str) and "metadata" in value else []
    return own + [found for item in value.values() for found in _data(item)]
