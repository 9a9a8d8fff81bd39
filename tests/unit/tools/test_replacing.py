"""Writing: whole or not at all, in place of one name, inside the workspace."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from activities.tools.confine import Method, Workspace
from activities.tools.errors import Refused, ToolError
from activities.tools.place import Inode, Place
from activities.tools.replacing import MAX_WRITE_BYTES, Draft, write_file
from tests.unit.tools import hostile
from tests.unit.tools.access import Everything

METHODS: tuple[Method, ...] = ("openat2", "walk")
KEY = "0123456789abcdef" * 4


def write(
    root: Path,
    path: str,
    data: bytes = b"new",
    method: Method | None = None,
    *,
    attempt: int = 1,
    instead_of: Inode | None = None,
) -> Place:
    with Workspace(root, method).open() as tree:
        return write_file(tree, Everything(), path, Draft(data, KEY, attempt, instead_of))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["new", "sub/new", "made/for/it/new", "a.txt", "./sub//b.txt"])
def test_file_is_written_and_directories_are_made(tmp_path: Path, method: Method, path: str) -> None:
    root = hostile.set_traps(tmp_path).root
    place = write(root, path, b"written", method)
    assert (root / path).read_bytes() == b"written"
    assert place.relative == os.path.normpath(path)


@pytest.mark.parametrize("method", METHODS)
def test_link_inside_is_followed_and_stays_a_link(tmp_path: Path, method: Method) -> None:
    root = hostile.set_traps(tmp_path).root
    assert write(root, "inside", b"written", method).relative == "sub/b.txt"
    assert (root / "sub" / "b.txt").read_bytes() == b"written"
    assert (root / "inside").is_symlink()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "path",
    [
        *("../outside/secret", "rel-out", "abs-out", "dir-out/secret", "dir-out/new", "chain", "hard"),
        *("dangling-out", "dangling", "dangling/new", "proc-cwd/new", "fifo", "socket", "loop", "zero", "/etc/new"),
        *("sub", "sub/", ".", "", "a.txt/new", "a\0b", "x" * 300, "evil\u202etxt.exe", "caf\udce9"),
    ],
)
def test_hostile_path_is_not_written(tmp_path: Path, method: Method, path: str) -> None:
    traps = hostile.set_traps(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ToolError):
        write(traps.root, path, b"written", method)
    assert sorted(tmp_path.rglob("*")) == before
    assert (traps.outside / "secret").read_bytes() == hostile.SECRET


def test_naive_write_goes_through_a_dangling_link(tmp_path: Path) -> None:
    traps = hostile.set_traps(tmp_path)
    (traps.root / "dangling-out").write_bytes(b"written")
    assert (traps.outside / "new").read_bytes() == b"written"


def test_naive_write_to_a_hard_link_changes_the_file_outside(tmp_path: Path) -> None:
    traps = hostile.set_traps(tmp_path)
    (traps.root / "hard").write_bytes(b"written")
    assert (traps.outside / "secret").read_bytes() == b"written"


def test_refused_link_says_so(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="hard link: the file has 2 names; make a copy"):
        write(hostile.set_traps(tmp_path).root, "hard")


def test_replaced_file_keeps_its_mode_and_the_new_one_follows_the_mask(tmp_path: Path) -> None:
    (tmp_path / "script").touch(0o750)
    (tmp_path / "script").chmod(0o750)
    write(tmp_path, "script")
    write(tmp_path, "fresh")
    (tmp_path / "plain").touch()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes["script"] == 0o750
    assert modes["fresh"] == modes["plain"]


def test_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        write(tmp_path, "file", b"n" * 100_000)
        assert reader.read() == b"old"
    assert path.read_bytes() == b"n" * 100_000


def test_full_disk_is_told_and_leaves_the_old_file_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with _small_files(4096), pytest.raises(ToolError, match=r"`file`: .* raise the limit") as caught:
        write(tmp_path, "file", b"n" * 100_000)
    assert caught.value.retryable
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_disk_with_no_space_left_is_told_and_leaves_the_old_file_whole(tmp_path: Path) -> None:
    """On a real file system of 64 KiB, in a mount namespace of its own."""
    program = """
import sys
from pathlib import Path
from tests.unit.tools.test_replacing import ToolError, write
root = Path(sys.argv[1])
write(root, "file", b"o" * 20_000)
try:
    write(root, "file", b"n" * 60_000)
except ToolError as error:
    assert error.retryable
    assert (root / "file").read_bytes() == b"o" * 20_000
    assert [path.name for path in root.iterdir()] == ["file"]
    print(error)
"""
    mount = f'mount -t tmpfs -o size=64k none "{tmp_path}" || exit 77; exec "$@"'
    command = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        mount,
        "sh",
        sys.executable,
        "-c",
        program,
    ]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    if done.returncode != 0 and "Error" not in done.stderr:
        pytest.skip(f"this system lets nobody mount: {done.stderr.strip()}")
    assert done.stdout == "`file`: no space is left on the disk; free some and try again\n", done.stderr


def test_too_much_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="over the limit"):
        write(tmp_path, "file", b"x" * (MAX_WRITE_BYTES + 1))
    assert not list(tmp_path.iterdir())


def test_later_attempt_removes_what_a_killed_one_left_behind(tmp_path: Path) -> None:
    left, foreign = tmp_path / f".detent-{KEY[:16]}-dead", tmp_path / ".detent-ffff-live"
    left.touch()
    foreign.touch()
    write(tmp_path, "file", attempt=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".detent-ffff-live", "file"]


def test_file_that_somebody_replaced_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"theirs")
    with pytest.raises(ToolError, match="changed by somebody else") as caught:
        write(tmp_path, "file", instead_of=(0, 0))
    assert caught.value.retryable
    assert (tmp_path / "file").read_bytes() == b"theirs"


def test_place_is_asked_about_before_anything_is_made(tmp_path: Path) -> None:
    class Nothing(Everything):
        def may_write(self, place: Place) -> None:
            raise PermissionError(place.relative)

    with Workspace(tmp_path).open() as tree, pytest.raises(PermissionError, match="a/b/c"):
        write_file(tree, Nothing(), "a/b/c", Draft(b"", KEY))
    assert not list(tmp_path.iterdir())


@contextmanager
def _small_files(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow further: the disk is full as far as it can tell."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
