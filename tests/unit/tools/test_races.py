"""What an attacker gets by exchanging a directory for a link while it is used; the naive check loses in each test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activities.tools.confine import Method, Tree, Workspace
from activities.tools.errors import ToolError
from activities.tools.reading import read_file
from activities.tools.replacing import Draft, write_file
from tests.unit.tools.access import Everything
from tests.unit.tools.swapping import exchanging, for_seconds

METHODS: tuple[Method, ...] = ("openat2", "walk")
PATIENCE_S = 30.0


@pytest.fixture(name="root")
def make_root(tmp_path: Path) -> Path:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for directory, text in ((root / "place", "inside"), (outside, "secret")):
        directory.mkdir(parents=True)
        (directory / "file").write_text(text)
    (root / "link").symlink_to("../outside")
    return root


@pytest.mark.parametrize("method", METHODS)
def test_exchanged_directory_never_gives_a_file_from_outside(root: Path, method: Method) -> None:
    with Workspace(root, method).open() as tree, exchanging(root / "place", root / "link"):
        seen = {_read(tree) for _ in for_seconds(1.0)}
        assert any(_naive_read(root) == "secret" for _ in for_seconds(PATIENCE_S))
    assert seen <= {"inside", "refused"}
    assert "inside" in seen


@pytest.mark.parametrize("method", METHODS)
def test_exchanged_directory_never_takes_a_write_outside(root: Path, method: Method) -> None:
    victim = root.parent / "outside" / "file"
    with Workspace(root, method).open() as tree, exchanging(root / "place", root / "link"):
        for count in for_seconds(1.0):
            _write(tree, count)
        assert victim.read_text() == "secret"
        assert any(_naive_write(root, victim) for _ in for_seconds(PATIENCE_S))
    assert sorted(path.name for path in victim.parent.iterdir()) == ["file"]


def _read(tree: Tree) -> str:
    try:
        return read_file(tree, Everything(), "place/file").data.decode()
    except ToolError:
        return "refused"


def _write(tree: Tree, count: int) -> None:
    try:
        write_file(tree, Everything(), "place/file", Draft(str(count).encode(), "k" * 64))
    except ToolError:
        return


def _naive_path(root: Path) -> Path | None:
    path = root / "place" / "file"
    return path if os.path.realpath(path).startswith(str(root.resolve()) + "/") else None


def _naive_read(root: Path) -> str:
    try:
        path = _naive_path(root)
        return path.read_text() if path else "refused"
    except OSError:
        return "refused"


def _naive_write(root: Path, victim: Path) -> bool:
    try:
        path = _naive_path(root)
        if path:
            path.write_text("taken")
    except OSError:
        return False
    return victim.read_text() == "taken"
