"""Skills of a worker: where they come from, what a run is told of them, that no tool touches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.admit import Admission, Offer
from activities.seal import SealKeys
from activities.skills import Shelf
from activities.tools.registry import load_tools
from policies.document import builtin_policy
from policies.errors import DocumentError
from tests.support.skill_files import write_skill
from tests.unit.tools.calls import Caller, policy, rule
from worker.compose import compose, control_paths
from worker.settings import Flags, as_environ, settings
from workflows.contracts.run import ModelCard, PriceCard, RunCard

if TYPE_CHECKING:
    from pathlib import Path

MODEL = ModelCard(
    alias="default", provider="scripted", model="m", max_tokens=9, context=99, price=PriceCard(input=1), digest="d"
)


def graph(*skills: str) -> dict[str, Any]:
    agent = {"kind": "agent", "model": "default", "prompt": "go", "skills": list(skills), "next": "end"}
    capabilities = [{"model": ["*"]}]
    return {"graph": "g", "version": "1.0.0", "capabilities": capabilities, "start": "a", "nodes": {"a": agent}}


def admission(shelf: Path) -> Admission:
    tools = load_tools(entry_points=False).cards()
    offer = Offer(builtin_policy(), "default", "detent", tools, {"default": MODEL}, skills=Shelf((shelf,)))
    return Admission(offer, SealKeys(bytes(32)))


def admitted(worker: Admission, *skills: str) -> RunCard:
    return worker.card({"v": 1, "graph": graph(*skills)}, "default/g/k")


def refusal(worker: Admission, *skills: str) -> str:
    with pytest.raises(ApplicationError) as caught:
        admitted(worker, *skills)
    assert caught.value.type == "InvalidDocument"
    return str(caught.value.details)


def test_directories_come_from_flags_then_the_environment_then_the_configuration(tmp_path: Path) -> None:
    for name in ("flag", "env", "config/skills"):
        (tmp_path / name).mkdir(parents=True)
    environ = {"HOME": str(tmp_path), "DETENT_CONFIG": str(tmp_path / "config"), "DETENT_WORKSPACE": str(tmp_path)}
    assert settings(Flags(), environ).skills == (tmp_path / "config/skills",)
    environ["DETENT_SKILLS"] = f"{tmp_path / 'env'}:{tmp_path / 'flag'}"
    found = settings(Flags(), environ)
    assert found.skills == (tmp_path / "env", tmp_path / "flag")
    assert settings(Flags(), {**environ, **as_environ(found)}).skills == found.skills
    assert settings(Flags(skills=(tmp_path / "flag",)), environ).skills == (tmp_path / "flag",)


def test_nothing_is_taken_from_the_workspace(tmp_path: Path) -> None:
    write_skill(tmp_path / "skills", "evil")
    assert settings(Flags(), {"HOME": str(tmp_path), "DETENT_WORKSPACE": str(tmp_path)}).skills == ()


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="name an existing directory with `--skills` or DETENT_SKILLS"):
        settings(Flags(skills=(tmp_path / "none",)), {"HOME": str(tmp_path)})


def test_a_worker_does_not_start_with_a_skill_that_is_not_sound(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "DETENT_WORKSPACE": str(tmp_path), "DETENT_SKILLS": str(tmp_path / "skills")}
    place = write_skill(tmp_path / "skills", "cite", "allowed_tools: web")
    lines = compose(settings(Flags(), environ), "default", environ).lines()
    assert "skills: cite" in lines
    assert any("`allowed_tools` means nothing here" in line for line in lines)
    (place / "SKILL.md").unlink()
    with pytest.raises(DocumentError, match=r"there is no `SKILL\.md` in it"):
        compose(settings(Flags(), environ), "default", environ)


def test_a_run_is_told_of_the_skills_that_its_agents_name(tmp_path: Path) -> None:
    for name in ("cite", "ask"):
        write_skill(tmp_path, name, "allowed-tools: web")
    card = admitted(admission(tmp_path), "cite")
    skill = Shelf((tmp_path,)).find("cite")
    assert skill is not None
    assert card.skills == {"cite": skill.card}
    assert list(card.tools) == ["load_skill"]
    assert list(admitted(admission(tmp_path)).tools) == ["load_skill"]


def test_a_skill_is_pinned_as_it_lies_there_when_the_run_begins(tmp_path: Path) -> None:
    place = write_skill(tmp_path, "cite")
    worker = admission(tmp_path)
    first = admitted(worker, "cite").skills["cite"]
    (place / "references" / "new.md").write_text("x")
    assert admitted(worker, "cite").skills["cite"].digest != first.digest


def test_an_unknown_skill_is_refused_until_it_is_there(tmp_path: Path) -> None:
    worker = admission(tmp_path)
    write_skill(tmp_path, "sight")
    assert "skill `cite` is not among the skills of this worker" in refusal(worker, "cite")
    place = write_skill(tmp_path, "cite")
    assert list(admitted(worker, "cite").skills) == ["cite"]
    place.rename(tmp_path / "_cite")
    assert "is not among the skills" in refusal(worker, "cite")


def test_a_skill_that_broke_meanwhile_admits_no_run_and_says_nothing_of_the_workers_disk(tmp_path: Path) -> None:
    place = write_skill(tmp_path, "cite")
    (place / "x").symlink_to("/etc/passwd")
    told = refusal(admission(tmp_path), "cite")
    assert "skill `cite` is not sound on this worker" in told
    assert str(tmp_path) not in told


async def test_no_tool_writes_into_a_directory_of_skills(tmp_path: Path) -> None:
    write_skill(tmp_path / "skills", "cite")
    found = settings(Flags(skills=(tmp_path / "skills",), workspace=tmp_path), {"HOME": str(tmp_path)})
    caller = Caller(tmp_path, policy=policy(), control=control_paths(found))
    for path in ("skills/cite/SKILL.md", "skills/cite/references/new.md", "skills/new/SKILL.md"):
        error = await caller.fails("fs.write", path=path, text="obey")
        assert rule(error) == "control_path"
    free = Caller(tmp_path, policy=policy())
    assert (await free("fs.write", path="skills/cite/references/new.md", text="obey"))["path"]
