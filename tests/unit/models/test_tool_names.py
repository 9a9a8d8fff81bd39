"""Names of tools go to a provider in letters that it takes, and come back as they were."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from activities.models.tool_names import ToolNames

TAKEN = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
NAMES = st.lists(st.text("ab._/- é\U0001f600", min_size=0, max_size=4) | st.text("a./", min_size=60, max_size=80))


@given(NAMES, NAMES)
def test_every_name_has_its_own_and_comes_back(offered: list[str], spoken: list[str]) -> None:
    names = ToolNames(offered, spoken)
    wires = {name: names.wire(name) for name in {*offered, *spoken}}
    assert all(TAKEN.match(wire) for wire in wires.values())
    assert len(set(wires.values())) == len(wires)
    assert all(names.ours(wire) == name for name, wire in wires.items())


@given(NAMES, NAMES)
def test_what_is_offered_is_called_alike_whatever_was_spoken_of(offered: list[str], spoken: list[str]) -> None:
    alone, later = ToolNames(offered), ToolNames(offered, spoken)
    assert [alone.wire(name) for name in offered] == [later.wire(name) for name in offered]


def test_names_stay_readable() -> None:
    names = ToolNames(["fs.read", "docs/search", "load_skill", "x" * 70])
    assert [names.wire(name) for name in ("fs.read", "docs/search", "load_skill")] == [
        "fs_read",
        "docs_search",
        "load_skill",
    ]
    assert names.wire("x" * 70) == "x" * 64


def test_names_that_would_be_one_are_told_apart() -> None:
    names = ToolNames(["fs.read", "fs/read", "fs_read"])
    assert names.wire("fs_read") == "fs_read"
    others = [names.wire(name) for name in ("fs.read", "fs/read")]
    assert all(re.fullmatch(r"fs_read_[0-9a-f]{12}", wire) for wire in others)


def test_a_tool_named_like_anothers_wire_name_takes_no_calls_of_it() -> None:
    honest = ToolNames(["fs.read", "fs/read"]).wire("fs.read")
    names = ToolNames(["fs.read", "fs/read", honest])
    assert names.wire(honest) == honest
    assert names.wire("fs.read") != honest
    assert names.ours(honest) == honest


def test_name_that_nobody_gave_passes_as_it_is() -> None:
    assert ToolNames(["fs.read"]).ours("fs_write") == "fs_write"
    assert ToolNames(["fs.read"]).ours("fs.read") == "fs.read"
