"""The edge: the operator's policy once more, for files as they really are. Each attack works where the check is out."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.control_paths import ControlPaths
from activities.edge import Edge, Scene
from activities.tools.declare import ToolContext
from policies.capability import resolve_needs
from policies.document import PolicyDocument
from tests.unit.tools import hostile
from tests.unit.tools.access import Everything
from tests.unit.tools.calls import HERE, KEY, NOW_MS, TOOLS, Caller, policy, rule
from tests.unit.tools.evidence import approving

DENY_ENV = policy(deny=[{"fs.read": ["**/.env"]}, {"fs.write": ["**/.env"]}])
PROTECT_GIT = policy(protected=["**/.git/**"])


@pytest.fixture(name="root")
def make_root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / ".git" / "hooks").mkdir(parents=True)
    (root / "docs").mkdir()
    (root / ".env").write_text("TOKEN=secret")
    (root / "a.txt").write_text("a")
    (root / ".git" / "hooks" / "pre-commit").write_text("#!/bin/sh")
    (root / "docs" / "env").symlink_to("../.env")
    (root / "docs" / "hooks").symlink_to("../.git/hooks")
    return root


@pytest.mark.parametrize(
    ("tenant", "name", "args", "expected"),
    [
        ({"allow": []}, "fs.read", {"path": "a.txt"}, "capability.not_granted"),
        ({"allow": [{"tool": ["**"]}]}, "fs.read", {"path": "a.txt"}, "capability.not_granted"),
        ({"allow": [{"fs.read": ["**"]}]}, "fs.read", {"path": "a.txt"}, "capability.not_granted"),
        (
            {"allow": [{"tool": ["**"]}, {"fs.read": ["docs/**"]}]},
            "fs.read",
            {"path": "a.txt"},
            "capability.not_granted",
        ),
        (
            {"allow": [{"tool": ["**"]}, {"fs.read": ["docs/**"]}]},
            "fs.glob",
            {"pattern": "**"},
            "capability.not_granted",
        ),
        (
            {"allow": [{"tool": ["**"]}, {"fs.read": ["docs/**"]}]},
            "text.search",
            {"pattern": "x"},
            "capability.not_granted",
        ),
        ({"allow": [{"tool": ["**"]}, {"fs.read": ["docs/**"]}]}, "fs.list", {}, "capability.not_granted"),
        ({"deny": [{"tool": ["fs.*"]}]}, "fs.read", {"path": "a.txt"}, "capability.denied"),
        ({"deny": [{"fs.read": ["a.*"]}]}, "fs.read", {"path": "./a.txt"}, "capability.denied"),
        ({"risk": {"low": "deny"}}, "fs.read", {"path": "a.txt"}, "risk.low"),
        ({"risk": {"low": "ask"}}, "fs.read", {"path": "a.txt"}, "risk.low"),
        ({"namespaces": ["other"]}, "fs.read", {"path": "a.txt"}, "tenant.namespace"),
        ({}, "fs.read", {"path": "../outside"}, "capability.not_granted"),
        ({}, "fs.read", {"path": "/etc/passwd"}, "capability.not_granted"),
    ],
)
async def test_call_that_the_policy_does_not_have_is_refused(
    root: Path, tenant: dict[str, object], name: str, args: dict[str, object], expected: str
) -> None:
    assert rule(await Caller(root, policy(**tenant)).fails(name, **args)) == expected


async def test_risky_call_goes_through_with_a_permit(root: Path) -> None:
    call = Caller(root, policy(risk={"low": "ask"}), permit=approving("on_risky_tool"))
    assert (await call("fs.read", path="a.txt"))["text"] == "a"
    other = dataclasses.replace(call, permit=approving("on_protected_path"))
    assert rule(await other.fails("fs.read", path="a.txt")) == "risk.low"


async def test_link_does_not_lead_around_a_denial(root: Path) -> None:
    tool = TOOLS.get("fs.read")
    assert tool is not None
    tenant = DENY_ENV.tenant("default")
    assert tenant is not None
    lexical = resolve_needs(tool.card.needs, {"path": "docs/env"})
    assert not any(tenant.deny.forbids(need) for need in lexical)  # the name alone passes every check of text
    assert (await _without_edge(root, "fs.read", path="docs/env"))["text"] == "TOKEN=secret"
    for path in (".env", "docs/env"):
        assert rule(await Caller(root, DENY_ENV).fails("fs.read", path=path)) == "capability.denied"
    error = await Caller(root, DENY_ENV).fails("fs.edit", path="docs/env", old="secret", new="x")
    assert rule(error) == "capability.denied"


async def test_link_does_not_lead_out_of_what_is_granted(root: Path) -> None:
    narrow = policy(allow=[{"tool": ["**"]}, {"fs.read": ["docs/**"]}, {"fs.write": ["docs/**"]}])
    assert rule(await Caller(root, narrow).fails("fs.read", path="docs/env")) == "capability.not_granted"
    assert rule(await Caller(root, narrow).fails("fs.write", path="docs/env", text="x")) == "capability.not_granted"
    error = await Caller(root, narrow).fails("fs.write", path="docs/hooks/new", text="x")
    assert rule(error) == "capability.not_granted"


@pytest.mark.parametrize(
    "path", [".git/hooks/pre-commit", "docs/hooks/pre-commit", "docs/hooks/post-commit", ".git/new/x"]
)
async def test_protected_path_is_written_only_with_a_permit(root: Path, path: str) -> None:
    call = Caller(root, PROTECT_GIT)
    assert rule(await call.fails("fs.write", path=path, text="evil")) == "protected.path"
    assert not (root / ".git" / "new").exists()
    wrong = dataclasses.replace(call, permit=approving("on_risky_tool"))
    assert rule(await wrong.fails("fs.write", path=path, text="evil")) == "protected.path"
    allowed = dataclasses.replace(call, permit=approving("on_protected_path"))
    await allowed("fs.write", path=path, text="good")
    assert (root / path).read_text() == "good"
    await _without_edge(root, "fs.write", path=path, text="evil")
    assert (root / path).read_text() == "evil"


async def test_protected_path_may_be_read(root: Path) -> None:
    assert (await Caller(root, PROTECT_GIT)("fs.read", path=".git/hooks/pre-commit"))["text"] == "#!/bin/sh"


HIDE = policy(deny=[{"fs.read": ["**/.env", "private/**"]}], protected=["**/.git/**"])


async def test_pattern_skips_and_counts_what_is_denied_or_protected(root: Path) -> None:
    (root / "private").mkdir()
    (root / "private" / "diary").write_text("TOKEN too")
    found = await Caller(root, HIDE)("fs.glob", pattern="**/*")
    assert found == {"paths": ["a.txt"], "skipped": 5}  # .env, its link, .git, its link, private
    assert await _without_edge(root, "fs.glob", pattern="**/*") == {
        "paths": [".env", ".git/hooks/pre-commit", "a.txt", "docs/env", "private/diary"],
        "skipped": 1,
    }
    searched = await Caller(root, HIDE)("text.search", pattern="TOKEN")
    assert (searched["matches"], searched["files"], searched["skipped"]) == ([], 1, 5)
    listed = await Caller(root, HIDE)("fs.list")
    assert isinstance(listed["entries"], list)
    assert ([entry["name"] for entry in listed["entries"]], listed["skipped"]) == (["a.txt", "docs"], 3)


async def test_pattern_skips_traps(tmp_path: Path) -> None:
    root = hostile.set_traps(tmp_path).root
    found = await Caller(root)("fs.glob", pattern="**/*")
    assert isinstance(found["paths"], list)
    honest = {"a.txt", "back\\slash", "cafe\u0301", "caf\u00e9", "dot.", "huge", "inside", "inside-dots", "space "}
    assert set(found["paths"]) == honest | {"sub/b.txt", "sub/up"}
    named = {path.name for path in root.iterdir()} - honest - {"sub"}
    assert found["skipped"] == len(named)


async def test_composed_accents_do_not_lead_around_a_denial(root: Path) -> None:
    (root / "cle\u0301").write_text("secret")
    denied = policy(deny=[{"fs.read": ["cl\u00e9"]}])
    assert rule(await Caller(root, denied).fails("fs.read", path="cle\u0301")) == "capability.denied"
    assert (await _without_edge(root, "fs.read", path="cle\u0301"))["text"] == "secret"


def _control(root: Path) -> ControlPaths:
    return ControlPaths.of(closed=[root / "detent.db", root / "blobs"], fixed=[root / "conf" / "policy.yaml"])


@pytest.fixture(name="worker_files")
def make_worker_files(root: Path) -> Path:
    for path in ("detent.db", "detent.db-wal", "blobs/sha256/ab/cd", "conf/policy.yaml", "conf/other.yaml"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("the worker's")
    (root / "docs" / "db").symlink_to("../detent.db")
    (root / "docs" / "policy").symlink_to("../conf/policy.yaml")
    return root


@pytest.mark.parametrize("path", ["detent.db", "detent.db-wal", "blobs/sha256/ab/cd", "docs/db"])
async def test_control_path_is_not_read_whatever_is_granted(worker_files: Path, path: str) -> None:
    call = Caller(worker_files, policy(), _control(worker_files))
    assert rule(await call.fails("fs.read", path=path)) == "control_path"
    assert (await Caller(worker_files, policy())("fs.read", path=path))["text"] == "the worker's"


@pytest.mark.parametrize(
    "path", ["detent.db", "detent.db-shm", "blobs/new", "blobs", "conf/policy.yaml", "docs/policy", "docs/db"]
)
async def test_control_path_is_not_written_whatever_is_granted(worker_files: Path, path: str) -> None:
    everything = approving("on_protected_path", "on_risky_tool")
    call = Caller(worker_files, policy(), _control(worker_files), permit=everything)
    error = await call.fails("fs.write", path=path, text="evil")
    if path == "blobs":  # a directory is no file, whoever it belongs to
        assert error.type == "ToolFailed"
        return
    assert rule(error) == "control_path"
    await Caller(worker_files, policy())("fs.write", path=path, text="evil")
    assert (worker_files / path).read_text() == "evil"


async def test_what_is_beside_a_control_path_may_be_used(worker_files: Path) -> None:
    call = Caller(worker_files, policy(), _control(worker_files))
    await call("fs.write", path="conf/other.yaml", text="x")
    assert (await call("fs.read", path="conf/policy.yaml"))["text"] == "the worker's"
    found = await call("fs.glob", pattern="**/*.yaml")
    assert found["paths"] == ["conf/other.yaml", "conf/policy.yaml"]
    assert (await call("fs.glob", pattern="**/*db*"))["paths"] == []


async def test_control_path_that_is_not_there_yet_is_not_made(root: Path) -> None:
    control = ControlPaths.of(fixed=[root / "etc" / "detent" / "policy.yaml"])
    call = Caller(root, policy(), control)
    for path in ("etc/detent/policy.yaml", "etc/detent", "etc"):
        assert rule(await call.fails("fs.write", path=path, text="policy: evil")) == "control_path"
    assert not (root / "etc").exists()


async def test_link_to_a_control_path_is_as_much_one_as_its_target(root: Path, tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("policy")
    (root / "policy.yaml").symlink_to(tmp_path / "real.yaml")
    control = ControlPaths.of(fixed=[root / "policy.yaml"])
    assert str(root / "policy.yaml") in control.fixed
    assert str(tmp_path / "real.yaml") in control.fixed


def test_bind_mount_does_not_hide_a_control_path(tmp_path: Path) -> None:
    """In a mount namespace of its own; the same file under a name that no list of paths has."""
    program = """
import asyncio, sys
from pathlib import Path
from activities.control_paths import ControlPaths
from tests.unit.tools.calls import Caller, policy, rule
root, secret = Path(sys.argv[1]), Path(sys.argv[2])
async def main():
    assert (await Caller(root, policy())("fs.read", path="mounted/key"))["text"] == "key"
    control = ControlPaths.of(closed=[secret])
    print(rule(await Caller(root, policy(), control).fails("fs.read", path="mounted/key")))
    print(rule(await Caller(root, policy(), control).fails("fs.write", path="mounted/new", text="x")))
asyncio.run(main())
"""
    root, secret = tmp_path / "root", tmp_path / "secret"
    (root / "mounted").mkdir(parents=True)
    secret.mkdir()
    (secret / "key").write_text("key")
    mount = f'mount --bind "{secret}" "{root}/mounted" || exit 77; exec "$@"'
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
    done = subprocess.run([*command, str(root), str(secret)], capture_output=True, text=True, check=False)
    if done.returncode != 0 and "Error" not in done.stderr:
        pytest.skip(f"this system lets nobody mount: {done.stderr.strip()}")
    assert done.stdout == "control_path\ncontrol_path\n", done.stderr


async def test_refusal_by_a_newer_policy_says_both_digests(root: Path) -> None:
    newer = policy(deny=[{"fs.read": ["a.txt"]}])
    old, new = (document.tenant("default") for document in (policy(), newer))
    assert old is not None
    assert new is not None
    call = Caller(root, policy()).call("fs.read", {"path": "a.txt"})
    tool = TOOLS.get("fs.read")
    assert tool is not None
    with pytest.raises(ApplicationError, match="the policy has changed since the run was admitted") as caught:
        Edge(newer, "default", ControlPaths()).check_tool(call, tool.card, HERE)
    assert caught.value.type == "PolicyDrift"
    details = caught.value.details[0]
    assert details["drift"] == {"run": old.digest[:16], "worker": new.digest[:16]}


@pytest.mark.parametrize(
    ("document", "alias", "expected"),
    [
        (policy(allow=[{"model": ["small"]}]), "default", "capability.not_granted"),
        (policy(deny=[{"model": ["default"]}]), "default", "capability.denied"),
        (policy(namespaces=["other"]), "default", "tenant.namespace"),
    ],
)
def test_model_that_the_policy_does_not_have_is_refused(
    root: Path, document: PolicyDocument, alias: str, expected: str
) -> None:
    call = Caller(root, document).call("model.scripted", {"alias": alias})
    with pytest.raises(ApplicationError, match=r"model\.scripted") as caught:
        Edge(document, "default", ControlPaths()).check_model(call, alias, HERE)
    assert rule(caught.value) == expected
    Edge(policy(), "default", ControlPaths()).check_model(call, alias, HERE)


def test_tenant_that_the_policy_does_not_know_is_refused(root: Path) -> None:
    call = Caller(root).call("fs.read", {"path": "a.txt"})
    tool = TOOLS.get("fs.read")
    assert tool is not None
    with pytest.raises(ApplicationError, match="tenant `nobody` may not run"):
        Edge(policy(), "default", ControlPaths()).check_tool(call, tool.card, Scene("default", "nobody/g/k", NOW_MS))


def test_tenant_of_another_queue_is_refused(root: Path) -> None:
    document = policy(task_queues=["theirs"])
    call = Caller(root).call("model.scripted", {})
    Edge(document, "default", ControlPaths(), "theirs").check_model(call, "default", HERE)
    with pytest.raises(ApplicationError, match="may not run"):
        Edge(document, "default", ControlPaths(), "ours").check_model(call, "default", HERE)


async def _without_edge(root: Path, name: str, **args: object) -> dict[str, object]:
    """The same tool where nobody checks what it touches: that the attack is real."""
    tool = TOOLS.get(name)
    assert tool is not None
    context = ToolContext(Caller(root).workspace, Everything(), KEY, 1, 20.0, lambda *_: None)
    output = await tool.call(context, args)
    assert isinstance(output, dict)
    return output
