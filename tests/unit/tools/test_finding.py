"""The bounds of a search through the workspace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activities.tools.confine import Workspace
from activities.tools.errors import ToolError
from activities.tools.finding import MAX_DEPTH, Finder
from activities.tools.offload import Stop, Stopped
from tests.unit.tools.access import Everything


def test_search_that_would_look_at_too_much_is_a_failure(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}").touch()
    with Workspace(tmp_path).open() as tree:
        assert len(Finder(tree, Everything(), Stop(), max_entries=10).find("*")) == 10
        with pytest.raises(ToolError, match="narrow the pattern"):
            Finder(tree, Everything(), Stop(), max_entries=9).find("*x*")


def test_directories_are_not_followed_for_ever(tmp_path: Path) -> None:
    """Deeper than any path could name, so it is made as an attacker would: one step at a time."""
    directory_fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(MAX_DEPTH + 5):
        os.mkdir("d", dir_fd=directory_fd)
        os.close(os.open("file", os.O_CREAT, dir_fd=directory_fd))
        below = os.open("d", os.O_RDONLY, dir_fd=directory_fd)
        os.close(directory_fd)
        directory_fd = below
    os.close(directory_fd)
    with Workspace(tmp_path).open() as tree:
        finder = Finder(tree, Everything(), Stop())
        assert len(finder.find("**/file")) == MAX_DEPTH + 1
        assert finder.skipped == 1


def test_links_to_directories_are_not_entered_and_are_counted(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "round").symlink_to("..")
    with Workspace(tmp_path).open() as tree:
        finder = Finder(tree, Everything(), Stop())
        assert finder.find("**/*") == []
        assert finder.skipped == 1


def test_search_through_a_link_is_judged_by_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "alias").symlink_to("real")
    access = Everything()
    with Workspace(tmp_path).open() as tree:
        (found,) = Finder(tree, access, Stop()).find("alias/*")
    assert (found.path, found.place.relative) == ("alias/file", "real/file")
    assert access.asked[-1] == found.place


def test_search_stops_when_its_call_is_over(tmp_path: Path) -> None:
    stop = Stop()
    stop.set()
    with Workspace(tmp_path).open() as tree, pytest.raises(Stopped):
        Finder(tree, Everything(), stop).find("*")


def test_name_that_is_no_text_is_not_found(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).touch()
    (tmp_path / "a**b").touch()
    with Workspace(tmp_path).open() as tree:
        paths = [found.path for found in Finder(tree, Everything(), Stop()).find("*")]
    assert "a**b" not in paths
