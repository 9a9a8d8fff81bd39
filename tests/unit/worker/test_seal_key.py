"""Seal keys come from the environment, a private file or a pipe, and go nowhere else."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from activities.seal import SealKeys
from policies.errors import DocumentError
from worker.seal_key import (
    forget,
    fresh,
    key_files,
    make_or_read,
    pipe_of,
    require_seal_keys,
    seal_keys,
)

A, B = bytes(range(32)), bytes(range(32, 64))


def text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def written(path: Path, content: str, mode: int = 0o600) -> str:
    path.write_text(content, encoding="ascii")
    path.chmod(mode)
    return str(path)


def refused(environ: dict[str, str]) -> str:
    with pytest.raises(DocumentError) as caught:
        seal_keys(environ)
    said = str(caught.value)
    assert text(A) not in said
    return said


def test_keys_are_named_by_the_environment(tmp_path: Path) -> None:
    file = written(tmp_path / "key", text(A) + "\n")
    assert seal_keys({}) is None
    assert seal_keys({"DETENT_SEAL_KEY": text(A)}) == SealKeys(A)
    assert seal_keys({"DETENT_SEAL_KEY": text(B), "DETENT_SEAL_KEY_PREVIOUS": text(A)}) == SealKeys(B, A)
    assert seal_keys({"DETENT_SEAL_KEY_FILE": file}) == SealKeys(A)
    assert seal_keys({"DETENT_SEAL_KEY": text(B), "DETENT_SEAL_KEY_PREVIOUS_FILE": file}) == SealKeys(B, A)


@pytest.mark.parametrize("key", ["x", text(A[:31]), text(A + b"x"), "é" * 44, text(A)[:-1], "?" * 44])
def test_what_is_no_key_is_refused_without_being_shown(key: str) -> None:
    said = refused({"DETENT_SEAL_KEY": key})
    assert "DETENT_SEAL_KEY: is not the base64 of 32 bytes; make one with" in said
    assert len(key) < 4 or key not in said


def test_a_previous_key_needs_one_that_follows_it() -> None:
    assert "set without the key that follows it" in refused({"DETENT_SEAL_KEY_PREVIOUS": text(A)})


def test_a_key_is_said_once(tmp_path: Path) -> None:
    file = written(tmp_path / "key", text(A))
    assert "both are set" in refused({"DETENT_SEAL_KEY": text(A), "DETENT_SEAL_KEY_FILE": file})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_can_open_is_no_place_for_a_key(tmp_path: Path, mode: int) -> None:
    file = written(tmp_path / "key", text(A), mode)
    assert "can be read or written by others; chmod 600 it" in refused({"DETENT_SEAL_KEY_FILE": file})


def test_a_link_or_a_directory_or_nothing_is_no_key_file(tmp_path: Path) -> None:
    written(tmp_path / "key", text(A))
    (tmp_path / "link").symlink_to("key")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "nowhere"):
        assert "cannot be read" in refused({"DETENT_SEAL_KEY_FILE": str(tmp_path / name)})
    for name in (".", "pipe"):
        assert "is not a file" in refused({"DETENT_SEAL_KEY_FILE": str(tmp_path / name)})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_believed(tmp_path: Path) -> None:
    file = written(tmp_path / "key", text(A))
    os.chown(file, 65534, -1)
    assert "belongs to another user" in refused({"DETENT_SEAL_KEY_FILE": file})


def test_a_state_directory_gets_its_key_once(tmp_path: Path) -> None:
    path = tmp_path / "state" / "runs.db.key"
    made = make_or_read(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert make_or_read(path) == made
    assert make_or_read(tmp_path / "other.key") != made
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_state_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DocumentError, match="cannot be made"):
        make_or_read(tmp_path / "file" / "runs.db.key")


def test_a_child_reads_the_keys_from_a_pipe() -> None:
    for keys in (fresh(), SealKeys(A, B)):
        assert seal_keys({"DETENT_SEAL_KEY_FD": str(pipe_of(keys))}) == keys
    reading, writing = os.pipe()
    os.close(writing)
    assert "gives no key" in refused({"DETENT_SEAL_KEY_FD": str(reading)})


def test_fresh_keys_differ() -> None:
    assert fresh() != fresh()


def test_a_worker_without_a_key_is_told_what_to_do() -> None:
    with pytest.raises(DocumentError) as caught:
        require_seal_keys(None)
    assert "DETENT_SEAL_KEY: is not set" in str(caught.value)
    assert "openssl rand -base64 32" in str(caught.value)
    assert require_seal_keys(SealKeys(A)) == SealKeys(A)


def test_keys_are_forgotten_before_anything_is_started() -> None:
    environ = {
        "DETENT_SEAL_KEY": text(A),
        "DETENT_SEAL_KEY_PREVIOUS": text(B),
        "DETENT_SEAL_KEY_FILE": "x",
        "DETENT_SEAL_KEY_PREVIOUS_FILE": "x",
        "DETENT_SEAL_KEY_FD": "3",
        "PATH": "p",
    }
    forget(environ)
    assert environ == {"PATH": "p"}


def test_key_files_are_known_so_that_tools_can_be_kept_out() -> None:
    environ = {"DETENT_SEAL_KEY_FILE": "/a/key", "DETENT_SEAL_KEY_PREVIOUS_FILE": "/a/old"}
    assert key_files(environ) == (Path("/a/key"), Path("/a/old"))
    assert key_files({}) == ()
