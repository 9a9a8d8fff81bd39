"""The worker's own files are out of every tool's reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.dispatch import Dispatch
from tests.support.calls import attempt_with, call, card_digest
from tests.support.runs import SEAL_KEY
from worker.compose import CODE, compose, control_paths
from worker.settings import Flags, settings

POLICY = """
policy: all
version: 1
prices: prices.yaml
tenants:
  default: {allow: [{tool: ["fs.*"]}, {fs.read: ["**"]}, {fs.write: ["**"]}]}
"""


def composed(workspace: Path) -> tuple[Dispatch, Any]:
    """A worker whose policy, models, tools, database and blobs all lie in its workspace."""
    (workspace / "policy.yaml").write_text(POLICY, encoding="utf-8")
    (workspace / "prices.yaml").write_text("any-model: {input: 1, output: 1}\n", encoding="utf-8")
    (workspace / "models.yaml").write_text(
        "models: {default: {provider: scripted, script: r.yaml, price: {input: 1, output: 1}}}\n", encoding="utf-8"
    )
    (workspace / "r.yaml").write_text("replies: [{default: true, text: done}]\n", encoding="utf-8")
    (workspace / "tools").mkdir()
    (workspace / "blobs").mkdir()
    (workspace / "blobs" / "x").write_text("value", encoding="utf-8")
    (workspace / "runs.db").write_text("rows", encoding="utf-8")
    (workspace / "seal.key").write_text(SEAL_KEY, encoding="utf-8")
    (workspace / "seal.key").chmod(0o600)
    (workspace / "graphs").mkdir()
    (workspace / "graph.yaml").write_text("graph: g", encoding="utf-8")
    flags = Flags(
        policy=workspace / "policy.yaml",
        models=workspace / "models.yaml",
        tools=(workspace / "tools",),
        blobs=workspace / "blobs",
        graphs=(workspace / "graph.yaml", workspace / "graphs"),
        workspace=workspace,
    )
    environ = {"HOME": str(workspace), "DETENT_DATABASE": str(workspace / "runs.db")}
    environ["DETENT_SEAL_KEY_FILE"] = str(workspace / "seal.key")
    composition = compose(settings(flags, environ), "default", environ)
    return composition.dispatch, composition.dispatch._reach


async def denied(workspace: Path, name: str, args: dict[str, Any]) -> bool:
    dispatch, parts = composed(workspace)
    try:
        await attempt_with(dispatch, call(name, args, card_digest(parts, name)))
    except ApplicationError as error:
        return bool(error.details[0]["rule"] == "control_path")
    return False


@pytest.mark.parametrize(
    "path",
    [
        *("policy.yaml", "prices.yaml", "models.yaml", "r.yaml", "tools/new.py", "graph.yaml", "graphs/new.yaml"),
        *("blobs/sha256/x", "runs.db", "runs.db-wal", "seal.key"),
    ],
)
async def test_no_tool_writes_an_operator_file(tmp_path: Path, path: str) -> None:
    assert await denied(tmp_path, "fs.write", {"path": path, "text": "allow: everything"})


@pytest.mark.parametrize("path", ["runs.db", "blobs/x", "seal.key"])
async def test_no_tool_reads_the_database_or_the_blobs_or_a_key(tmp_path: Path, path: str) -> None:
    assert await denied(tmp_path, "fs.read", {"path": path})


async def test_other_files_are_free(tmp_path: Path) -> None:
    assert not await denied(tmp_path, "fs.write", {"path": "report.md", "text": "x"})


@pytest.mark.parametrize("path", ["policy.yaml", "models.yaml", "graph.yaml"])
async def test_what_is_only_fixed_may_be_read(tmp_path: Path, path: str) -> None:
    assert not await denied(tmp_path, "fs.read", {"path": path})


def test_the_workers_own_code_is_among_them(tmp_path: Path) -> None:
    found = settings(Flags(workspace=tmp_path), {"HOME": str(tmp_path)})
    assert {str(CODE / "worker"), str(CODE / "activities")} <= set(control_paths(found).fixed)
