"""The file tools, called as a run calls them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from activities.failures import RESULT_LIMIT_BYTES
from activities.tools.confine import Workspace
from activities.tools.errors import ToolError
from activities.tools.reading import read_file
from tests.unit.tools.access import Everything
from tests.unit.tools.calls import Caller


@pytest.fixture(name="call")
def make_call(tmp_path: Path) -> Caller:
    return Caller(tmp_path)


async def test_read_gives_the_text_and_what_the_file_is(call: Caller) -> None:
    data = "erste Zeile\nzweite: äöü\r\ndritte".encode()
    (call.root / "a.txt").write_bytes(data)
    assert await call("fs.read", path="./a.txt") == {
        "path": "./a.txt",
        "text": data.decode(),
        "size_bytes": len(data),
        "lines": 3,
        "truncated": False,
        "digest": hashlib.sha256(data).hexdigest(),
    }


@pytest.mark.parametrize(
    ("part", "text", "truncated"),
    [
        ({"offset": 1}, "1\n2\n3", True),
        ({"limit": 2}, "0\n1\n", True),
        ({"offset": 1, "limit": 2}, "1\n2\n", True),
        ({"offset": 9}, "", True),
        ({"limit": 4}, "0\n1\n2\n3", False),
        ({"limit": None}, "0\n1\n2\n3", False),
    ],
)
async def test_read_gives_part_of_a_file(call: Caller, part: dict[str, int], text: str, truncated: bool) -> None:
    (call.root / "a.txt").write_text("0\n1\n2\n3")
    found = await call("fs.read", path="a.txt", **part)
    assert (found["text"], found["truncated"], found["lines"]) == (text, truncated, 4)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe", "is not UTF-8 text: byte 0xff at 0"),
        (b"text\xe4", "is not UTF-8 text: byte 0xe4 at 4"),
        (b"PK\0\0", "is binary: a NUL byte at 2"),
        (b"x" * (8 * 1024 * 1024 + 1), "over the limit of 8388608"),
    ],
)
async def test_what_is_no_text_is_not_read(call: Caller, data: bytes, words: str) -> None:
    (call.root / "a.bin").write_bytes(data)
    error = await call.fails("fs.read", path="a.bin")
    assert (error.type, error.non_retryable) == ("ToolFailed", True)
    assert words in error.message


async def test_file_that_claims_to_be_empty_is_still_bounded() -> None:
    """Files in /proc say that they have no bytes, as a file does that grows after it was looked at."""
    with Workspace(Path("/proc/self")).open() as tree:
        assert len(read_file(tree, Everything(), "smaps").data) > 100
        with pytest.raises(ToolError, match="over the limit of 100"):
            read_file(tree, Everything(), "smaps", limit_bytes=100)


@pytest.mark.parametrize("size_bytes", [RESULT_LIMIT_BYTES - 100, RESULT_LIMIT_BYTES + 1])
async def test_result_over_the_limit_fails_once_and_says_how_to_get_less(call: Caller, size_bytes: int) -> None:
    """The text fits in neither case: the whole result is measured."""
    (call.root / "a.txt").write_text("x" * size_bytes)
    error = await call.fails("fs.read", path="a.txt")
    assert (error.type, error.non_retryable) == ("ResultTooLarge", True)
    assert "over the limit of 1048576" in error.message


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none.txt", "there is no such file or directory; check the path with `fs.list`"),
        ("sub", "it is a directory; use `fs.list`"),
        ("a.txt/b", "a part of it is a file, not a directory"),
        ("x" * 256, "it is too long"),
    ],
)
async def test_read_failure_names_the_path_and_the_remedy(call: Caller, path: str, words: str) -> None:
    (call.root / "sub").mkdir()
    (call.root / "a.txt").touch()
    error = await call.fails("fs.read", path=path)
    assert error.type == "ToolFailed"
    assert f"tool `fs.read`: `{path[:200]}" in error.message
    assert words in error.message


async def test_write_then_read_gives_the_same_text(call: Caller) -> None:
    text = "one\r\ntwo\u2028three\n"
    written = await call("fs.write", path="reports/new/a.md", text=text)
    found = await call("fs.read", path="reports/new/a.md")
    assert found["text"] == text
    assert written == {"path": "reports/new/a.md", "bytes_written": len(text.encode()), "digest": found["digest"]}


async def test_repeated_write_does_the_same_again(call: Caller) -> None:
    first = await call("fs.write", path="a", text="x")
    assert await call("fs.write", path="a", text="x") == first
    assert (call.root / "a").read_text() == "x"


async def test_list_gives_names_kinds_and_sizes(call: Caller) -> None:
    (call.root / "dir").mkdir()
    (call.root / "file").write_text("123")
    (call.root / "link").symlink_to("file")
    os.mkfifo(call.root / "pipe")
    found = await call("fs.list")
    assert isinstance(found["entries"], list)
    assert [(entry["name"], entry["kind"]) for entry in found["entries"]] == [
        ("dir", "directory"),
        ("file", "file"),
        ("link", "link"),
        ("pipe", "other"),
    ]
    assert found["entries"][1]["size_bytes"] == 3


async def test_list_of_a_file_is_a_failure(call: Caller) -> None:
    (call.root / "file").touch()
    assert "is a file, not a directory" in (await call.fails("fs.list", path="file")).message


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("**/*.py", ["a.py", "src/b.py", "src/deep/c.py"]),
        ("./**/*.py", ["a.py", "src/b.py", "src/deep/c.py"]),
        ("*.py", ["a.py"]),
        ("src/**", ["src/b.py", "src/deep/.hidden", "src/deep/c.py"]),
        ("src/*/c.*", ["src/deep/c.py"]),
        ("src/b.py", ["src/b.py"]),
        ("none/**", []),
        ("**/deep/*.py", ["src/deep/c.py"]),
    ],
)
async def test_glob_finds_files_sorted(call: Caller, pattern: str, paths: list[str]) -> None:
    for path in ("a.py", "src/b.py", "src/deep/c.py", "src/deep/.hidden"):
        (call.root / path).parent.mkdir(parents=True, exist_ok=True)
        (call.root / path).touch()
    assert await call("fs.glob", pattern=pattern) == {"paths": paths, "skipped": 0}


async def test_glob_below_a_file_is_a_failure(call: Caller) -> None:
    (call.root / "a.py").touch()
    assert "`a.py`: a part of it is a file" in (await call.fails("fs.glob", pattern="a.py/*.py")).message


async def test_ten_thousand_files_in_one_directory_are_found_and_one_more_is_a_failure_and_not_a_cut(
    call: Caller,
) -> None:
    for number in range(10_000):
        (call.root / f"{number:05}.txt").touch()
    found = await call("fs.glob", pattern="*.txt")
    assert found["paths"] == [f"{number:05}.txt" for number in range(10_000)]
    listed = await call("fs.list")
    assert isinstance(listed["entries"], list)
    assert len(listed["entries"]) == 10_000
    (call.root / "more").touch()
    for name, args in (("fs.glob", {"pattern": "*"}), ("fs.list", {})):
        assert "10001" in (error := await call.fails(name, **args)).message
        assert "narrow the pattern" in error.message
