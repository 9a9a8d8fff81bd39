"""Where a worker's settings come from, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.errors import DocumentError
from worker.settings import Flags, as_environ, blobs_place, settings


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose every default lies in a directory of its own."""
    return {"HOME": str(tmp_path), "DETENT_WORKSPACE": str(tmp_path)}


def written(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}", encoding="utf-8")
    return path


def test_it_needs_nothing(home: dict[str, str], tmp_path: Path) -> None:
    found = settings(Flags(), home)
    assert (found.policy, found.models, found.tools) == (None, None, ())
    assert found.blobs == tmp_path / ".local/share/detent/blobs"
    assert found.task_queue == "detent"


def test_a_flag_beats_the_environment_beats_the_configuration_directory(home: dict[str, str], tmp_path: Path) -> None:
    config = written(tmp_path / ".config/detent/policy.yaml")
    assert settings(Flags(), home).policy == config
    named = written(tmp_path / "env.yaml")
    home["DETENT_POLICY"] = str(named)
    assert settings(Flags(), home).policy == named
    flagged = written(tmp_path / "flag.yaml")
    assert settings(Flags(policy=flagged), home).policy == flagged


def test_nothing_is_read_from_the_workspace(home: dict[str, str], tmp_path: Path) -> None:
    written(tmp_path / "policy.yaml")
    written(tmp_path / "models.yaml")
    written(tmp_path / "tools" / "evil.py")
    found = settings(Flags(), home)
    assert (found.policy, found.models, found.tools) == (None, None, ())


def test_every_missing_path_is_named_at_once(home: dict[str, str]) -> None:
    flags = Flags(policy=Path("/nowhere/p.yaml"), models=Path("/nowhere/m.yaml"), tools=(Path("/nowhere/t"),))
    with pytest.raises(DocumentError) as caught:
        settings(flags, home)
    assert [problem.file for problem in caught.value.problems] == ["/nowhere/p.yaml", "/nowhere/m.yaml", "/nowhere/t"]
    assert "name an existing directory with `--tools`" in str(caught.value)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1001", "1.5"])
def test_a_wrong_concurrency_is_refused(home: dict[str, str], value: str) -> None:
    with pytest.raises(DocumentError, match=f"concurrency `{value}`: not a whole number from 1 to 1000"):
        settings(Flags(), {**home, "DETENT_CONCURRENCY": value})


def test_settings_survive_the_way_to_another_process(home: dict[str, str], tmp_path: Path) -> None:
    written(tmp_path / ".config/detent/policy.yaml")
    (tmp_path / "tools").mkdir()
    flags = Flags(
        models=written(tmp_path / "models.yaml"),
        tools=(tmp_path / "tools",),
        concurrency=7,
        task_queue="q",
        graph_models=written(tmp_path / "graph" / "models.yaml"),
    )
    found = settings(flags, home)
    assert settings(Flags(), {**home, **as_environ(found)}) == found


def test_a_built_in_default_stays_one_in_another_process(home: dict[str, str], tmp_path: Path) -> None:
    found = settings(Flags(), home)
    written(tmp_path / ".config/detent/policy.yaml")
    assert settings(Flags(), {**home, **as_environ(found)}).policy is None


def test_blobs_follow_the_users_data_directory(tmp_path: Path) -> None:
    assert blobs_place({"XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "detent/blobs"
    assert blobs_place({"DETENT_BLOBS": str(tmp_path / "b"), "HOME": "/nowhere"}) == tmp_path / "b"
