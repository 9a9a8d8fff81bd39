"""The skills that a worker has: which there are, what they hash to, what does not belong in one."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from activities import skill_tree
from activities.skills import Shelf
from policies.canonical import digest
from policies.errors import DocumentError
from tests.support.skill_files import write_skill

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def refusal(shelf: Shelf) -> str:
    with pytest.raises(DocumentError) as caught:
        shelf.load()
    return str(caught.value)


def digest_of(shelf: Path, name: str) -> str:
    skill = Shelf((shelf,)).find(name)
    assert skill is not None
    return skill.card.digest


def test_a_skill_is_known_by_all_that_its_directory_holds(tmp_path: Path) -> None:
    place = write_skill(tmp_path, "cite", "allowed-tools: fs.read", more="m")
    skill = Shelf((tmp_path,)).find("cite")
    assert skill is not None
    files = {
        "SKILL.md": hashlib.sha256((place / "SKILL.md").read_bytes()).hexdigest(),
        "references/more.md": hashlib.sha256(b"m").hexdigest(),
    }
    assert (skill.card.digest, skill.card.description) == (digest(files), "Does cite.")
    assert skill.card.allowed_tools == ("fs.read",)


@pytest.mark.parametrize(
    "change",
    [
        lambda place: (place / "SKILL.md").write_text((place / "SKILL.md").read_text() + "x"),
        lambda place: (place / "references/more.md").write_text("n"),
        lambda place: (place / "references/more.md").rename(place / "references/less.md"),
        lambda place: (place / "new").write_text(""),
        lambda place: (place / "references/more.md").unlink(),
    ],
)
def test_every_change_changes_the_digest(tmp_path: Path, change: Callable[[Path], object]) -> None:
    place = write_skill(tmp_path, "cite", more="m")
    before = digest_of(tmp_path, "cite")
    change(place)
    assert digest_of(tmp_path, "cite") != before


def test_what_is_hidden_or_left_behind_is_no_part_of_a_skill(tmp_path: Path) -> None:
    place = write_skill(tmp_path, "cite")
    before = digest_of(tmp_path, "cite")
    (place / ".git").mkdir()
    (place / ".git" / "HEAD").write_text("x")
    (place / "__pycache__").mkdir()
    (place / "__pycache__" / "a.pyc").write_text("x")
    assert digest_of(tmp_path, "cite") == before


def test_skills_come_from_several_directories_by_name(tmp_path: Path) -> None:
    for above, name in (("one", "cite"), ("two", "ask"), ("two", "_draft"), ("two", ".hidden")):
        write_skill(tmp_path / above, name)
    (tmp_path / "two" / "README.md").write_text("x")
    shelf = Shelf((tmp_path / "one", tmp_path / "two"))
    assert shelf.names() == ("ask", "cite")
    assert [skill.document.name for skill in shelf.load()] == ["ask", "cite"]
    assert shelf.find("draft") is None


def test_a_skill_may_come_and_go_while_the_worker_runs(tmp_path: Path) -> None:
    shelf = Shelf((tmp_path, tmp_path / "later"))
    assert shelf.names() == ()
    write_skill(tmp_path / "later", "cite")
    assert shelf.find("cite") is not None


def test_two_skills_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_skill(tmp_path / name, "cite")
    shelf = Shelf((tmp_path / "one", tmp_path / "two"))
    assert "skill `cite` is there twice" in refusal(shelf)
    with pytest.raises(DocumentError, match="there twice"):
        shelf.find("cite")


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    write_skill(tmp_path, "one", "license: 3")
    write_skill(tmp_path, "two", "metadata: 3")
    (tmp_path / "three").mkdir()
    text = refusal(Shelf((tmp_path, tmp_path / "none")))
    for words in (
        "one/SKILL.md:4:1",
        "two/SKILL.md:4:1",
        "there is no `SKILL.md` in it",
        "no such directory of skills",
    ):
        assert words in text


def test_a_skill_is_not_a_directory_of_skills(tmp_path: Path) -> None:
    place = write_skill(tmp_path, "cite")
    assert f"name the directory above it, `{tmp_path}`" in refusal(Shelf((place,)))


def test_links_that_stay_in_the_skill_are_files(tmp_path: Path) -> None:
    place = write_skill(tmp_path, "cite", more="m")
    (place / "less.md").symlink_to("references/more.md")
    skill = Shelf((tmp_path,)).find("cite")
    assert skill is not None
    assert skill.files["less.md"] == b"m"


def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key")
    for target in (str(secret), "../../secret", "/etc/passwd"):
        place = write_skill(tmp_path / "shelf", "cite")
        (place / "references" / "key.md").symlink_to(target)
        text = refusal(Shelf((tmp_path / "shelf",)))
        assert "`references/key.md`: it is a link that leads out of the skill" in text
        _remove(place)


def test_a_file_of_another_skill_is_outside(tmp_path: Path) -> None:
    write_skill(tmp_path, "one", more="m")
    place = write_skill(tmp_path, "two")
    (place / "x").symlink_to("../one/references/more.md")
    assert "leads out of the skill" in refusal(Shelf((tmp_path,)))


def test_a_skill_that_is_a_link_is_refused(tmp_path: Path) -> None:
    write_skill(tmp_path / "away", "cite")
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "cite").symlink_to(tmp_path / "away" / "cite")
    assert "it is a link; copy the skill" in refusal(Shelf((tmp_path / "shelf",)))


def test_links_to_directories_are_refused(tmp_path: Path) -> None:
    place = write_skill(tmp_path, "cite")
    (place / "again").symlink_to(".")
    assert "`again`: it is a link to a directory" in refusal(Shelf((tmp_path,)))


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    place = write_skill(tmp_path, "cite")
    os.mkfifo(place / "pipe")
    assert "`pipe`: it is a FIFO" in refusal(Shelf((tmp_path,)))


def test_a_name_that_does_not_show_is_refused(tmp_path: Path) -> None:
    place = write_skill(tmp_path, "cite")
    (place / "a\u202eb").write_text("x")
    assert "does not show" in refusal(Shelf((tmp_path,)))


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = write_skill(tmp_path, "cite", more="m" * 200, less="m" * 200)
    for limit, least, words in (
        ("MAX_FILES", 2, "over 2 files"),
        ("MAX_FILE_BYTES", 100, "over 100 bytes; split it"),
        ("MAX_BYTES", 300, "its files have over 300 bytes"),
        ("MAX_DEPTH", 1, "over 1 deep"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(skill_tree, limit, least)
            assert words in refusal(Shelf((tmp_path,)))
    assert place.is_dir()


def test_a_directory_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    place = write_skill(tmp_path, "cite")
    (place / "SKILL.md").unlink()
    (place / "SKILL.md").mkdir()
    assert "there is no `SKILL.md` in it" in refusal(Shelf((tmp_path,)))


def _remove(place: Path) -> None:
    for path in sorted(place.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    place.rmdir()
