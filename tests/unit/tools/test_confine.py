"""The table of hostile paths (security-notes 5), for both ways of opening; gaps in its numbers are filled."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from activities.tools import openat2
from activities.tools.confine import DIRECTORY, Method, Workspace, spell_file
from activities.tools.errors import Absent, Refused, ToolError
from activities.tools.reading import read_file
from tests.unit.tools import hostile
from tests.unit.tools.access import Everything

METHODS: tuple[Method, ...] = ("openat2", "walk")

REFUSED = (
    ("P01", "/etc/passwd"),
    ("P02", "../outside/secret"),
    ("P03", ".."),
    ("P04", "./../outside/secret"),
    ("P05", "sub/deep/../../../outside/secret"),
    ("P06", "sub/../../outside/secret"),
    ("P07", "rel-out"),
    ("P07a", "abs-out"),
    ("P08", "dir-out/secret"),
    ("P09", "chain"),
    ("P10", "proc-cwd/a.txt"),
    ("P11", "proc-root/etc/passwd"),
    ("P12", "proc-fd/0"),
    ("P15", "loop"),
    ("P16", "hard"),
    ("P17", "fifo"),
    ("P18", "device"),
    ("P19", "socket"),
    ("P20", "zero"),
    ("P21", "a.txt\0.png"),
    ("P22", ""),
    ("P23", "."),
    ("P24", "sub"),
    ("P25", "a.txt/"),
    ("P26", "//etc/passwd"),
    ("P27", "/proc/self/root/etc/passwd"),
    ("P28", "x/" * 2100 + "y"),
    ("P29", "..\\outside\\secret"),
    ("P30", "C:\\outside\\secret"),
    ("P31", "~/.ssh/id_rsa"),
    ("P32", "$HOME/.ssh/id_rsa"),
    ("P33", "%2e%2e/outside/secret"),
    ("P34", "..%2foutside%2fsecret"),
    ("P35", "．．/outside/secret"),
    ("P36", "../root-evil/secret"),
    ("P37", "huge"),
    ("P40", "A.TXT"),
    ("P41", "a.txt::$DATA"),
    ("P42", "CON"),
    ("P43", "caf\udce9"),
    ("P44", "/proc/self/environ"),
    ("P45", "/proc/self/cwd/../outside/secret"),
    ("P46", "/dev/stdin"),
    ("P50", "evil\u202etxt.exe"),
    ("P51", "line\nbreak"),
    ("P52", "/dev/fd/3/../../etc/passwd"),
    ("P53", "dangling"),
    ("P54", "a.txt/."),
    ("P55", "dot"),
    ("P56", "space"),
)
ESCAPES = tuple((row, path) for row, path in REFUSED if row not in {"P37", "P43", "P50", "P51"})
ALLOWED = (
    ("P13", "inside", b"b\n", "sub/b.txt"),
    ("P14", "inside-dots", b"a\n", "a.txt"),
    ("P14a", "sub/up", b"a\n", "a.txt"),
    ("P38", "caf\u00e9", b"caf\xc3\xa9", "caf\u00e9"),
    ("P39", "cafe\u0301", b"cafe\xcc\x81", "cafe\u0301"),
    ("P47", "sub//b.txt", b"b\n", "sub/b.txt"),
    ("P48", "sub/./b.txt", b"b\n", "sub/b.txt"),
    ("P57", "back\\slash", b"back\\slash", "back\\slash"),
    ("P58", "dot.", b"dot.", "dot."),
)


@pytest.fixture(scope="module", name="traps")
def make_traps(tmp_path_factory: pytest.TempPathFactory) -> hostile.Traps:
    return hostile.set_traps(tmp_path_factory.mktemp("traps"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("row", "path"), REFUSED, ids=[row for row, _ in REFUSED])
def test_hostile_path_is_refused(traps: hostile.Traps, method: Method, row: str, path: str) -> None:
    with Workspace(traps.root, method).open() as tree, pytest.raises(ToolError) as caught:
        read_file(tree, Everything(), path)
    assert "`" in str(caught.value)
    assert ":" in str(caught.value)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("row", "path"), ESCAPES, ids=[row for row, _ in ESCAPES])
def test_hostile_path_is_refused_even_when_it_is_not_spelled_first(
    traps: hostile.Traps, method: Method, row: str, path: str
) -> None:
    """The check of the text and the confinement are two walls; each row that is about escape stands at both."""
    with (
        Workspace(traps.root, method).open() as tree,
        pytest.raises((ToolError, UnicodeError, ValueError)),
        tree.file(path),
    ):
        pass


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("row", "path", "data", "real"), ALLOWED, ids=[row for row, *_ in ALLOWED])
def test_honest_path_is_read_and_known_by_its_real_name(
    traps: hostile.Traps, method: Method, row: str, path: str, data: bytes, real: str
) -> None:
    with Workspace(traps.root, method).open() as tree:
        contents = read_file(tree, Everything(), path)
    assert (contents.data, contents.place.relative) == (data, real)
    assert contents.place.absolute == str(traps.root.resolve() / real)


NAIVE: tuple[tuple[str, Callable[[Path, str], bytes], str], ...] = (
    ("P01", hostile.naive, "/etc/passwd"),
    ("P02", hostile.naive, "../outside/secret"),
    ("P36", hostile.checked_by_prefix, "../root-evil/secret"),
    ("P07", hostile.checked_by_prefix, "rel-out"),
    ("P08", hostile.checked_by_prefix, "dir-out/secret"),
    ("P11", hostile.checked_by_prefix, "proc-root/etc/passwd"),
    ("P16", hostile.unchecked_openat2, "hard"),
    ("P21", hostile.unchecked_openat2, "a.txt\0.png"),
    ("P20", hostile.checked_by_prefix, "zero"),
    ("P37", hostile.unchecked_openat2, "huge"),
    ("P43", hostile.naive, "caf\udce9"),
)


@pytest.mark.parametrize(("row", "opener", "path"), NAIVE, ids=[row for row, *_ in NAIVE])
def test_attack_works_where_the_check_is_taken_out(
    traps: hostile.Traps, row: str, opener: Callable[[Path, str], bytes], path: str
) -> None:
    assert opener(traps.root, path)


@pytest.mark.parametrize("method", METHODS)
def test_fifo_is_refused_without_waiting_for_a_writer(traps: hostile.Traps, method: Method) -> None:
    assert hostile.unchecked_openat2(traps.root, "fifo") == b""  # it opens, so confinement alone lets it pass
    with Workspace(traps.root, method).open() as tree, pytest.raises(Refused, match="FIFO"), tree.file("fifo"):
        pass


@pytest.mark.parametrize("method", METHODS)
def test_workspace_stays_the_same_directory_when_it_is_renamed(tmp_path: Path, method: Method) -> None:
    traps = hostile.set_traps(tmp_path)
    with Workspace(traps.root, method).open() as tree:
        traps.root.rename(tmp_path / "moved")
        traps.outside.rename(traps.root)
        assert read_file(tree, Everything(), "a.txt").data == b"a\n"
        with pytest.raises(Absent):
            read_file(tree, Everything(), "secret")


@pytest.mark.parametrize("method", METHODS)
def test_directories_open_and_tell_where_they_are(traps: hostile.Traps, method: Method) -> None:
    with Workspace(traps.root, method).open() as tree:
        for path, real in ((".", "."), ("sub", "sub"), ("sub/deep/..", "sub"), ("sub/..", "."), ("sub/", "sub")):
            with tree.open(path, DIRECTORY) as opened:
                assert opened.place.relative == real


def test_file_that_was_removed_after_it_was_opened_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    with Workspace(tmp_path).open() as tree, tree.open("a", os.O_RDONLY) as opened:
        assert opened.status.st_nlink == 1
        (tmp_path / "a").unlink()
        with pytest.raises(Absent), tree.file("a"):
            pass


def test_missing_workspace_is_a_failure_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="--workspace"), Workspace(tmp_path / "nowhere").open():
        pass


def test_better_method_is_chosen_by_trying_it() -> None:
    assert openat2.available()  # these machines run Linux


def test_path_of_a_file_is_spelled_one_way() -> None:
    assert spell_file("./sub//b.txt") == "sub/b.txt"
