"""Imports go one way, and each contract that says so bites."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.architecture.tree import PACKAGES, ROOT, files, shown

if TYPE_CHECKING:
    from pathlib import Path

BREACHES = [
    ("policies/decide.py", "import workflows.contracts"),
    ("workflows/engine/gate.py", "import workflows.shell"),
    ("workflows/contracts/wire.py", "import workflows.language"),
    ("activities/dispatch.py", "from worker import run"),
    ("policies/decide.py", "import time"),
    ("workflows/engine/gate.py", "import temporalio.workflow"),
    ("workflows/contracts/wire.py", "import os"),
    ("workflows/language/spec.py", "import yaml"),
    ("worker/run.py", "import anthropic"),
    ("worker/run.py", "import openai"),
    ("activities/models/openai.py", "import openai"),
    ("activities/dispatch.py", "import click"),
    ("activities/dispatch.py", "import obstore"),
]

DOORS = {
    "models/wire": "anthropic",
    "models/chat_api": "openai",
    "models/chat_stream": "openai",
    "blobs_places": "obstore",
    "blobs_remote": "obstore",
}


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = (
        "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports(no_cache=True, no_logo=True))"
    )
    return subprocess.run([sys.executable, "-c", command], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """The same packages without their contents, under the same contracts."""
    for module in _packages():
        (tmp_path / module).mkdir(parents=True)
        (tmp_path / module / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for path, _ in BREACHES:
        (tmp_path / path).touch()
    (tmp_path / "worker/run.py").touch()
    (tmp_path / "workflows/registry.py").touch()
    (tmp_path / "workflows/language/yaml.py").write_text("import yaml\n", encoding="utf-8")
    for name, package in DOORS.items():
        (tmp_path / f"activities/{name}.py").write_text(f"import {package}\n", encoding="utf-8")
    return tmp_path


def _packages() -> list[str]:
    return sorted({shown(path.parent) for path in files(*PACKAGES) if path.suffix == ".py"})


def test_imports_keep_their_order() -> None:
    outcome = _lint(ROOT)
    assert outcome.returncode == 0, outcome.stdout


def test_the_contracts_allow_what_is_meant(skeleton: Path) -> None:
    outcome = _lint(skeleton)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize(("path", "breach"), BREACHES)
def test_a_breach_is_seen(skeleton: Path, path: str, breach: str) -> None:
    (skeleton / path).write_text(breach + "\n", encoding="utf-8")
    outcome = _lint(skeleton)
    assert outcome.returncode == 1, outcome.stdout
    assert "BROKEN" in outcome.stdout


def test_every_package_is_named_in_the_build() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = project["tool"]["setuptools"]["packages"]
    assert sorted(named) == [package.replace("/", ".") for package in _packages()]
    assert [package for package in _packages() if not (ROOT / package / "__init__.py").is_file()] == []


def test_the_project_can_never_be_uploaded() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "Private :: Do Not Upload" in project["project"]["classifiers"]
    assert not (ROOT / "__init__.py").exists()
