"""The provider whose package is an extra: what a worker without it says, and what it does not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from activities.models.catalogue import load_catalogue
from activities.models.openai import package_problem
from policies.errors import DocumentError

FILE = (
    "models: {default: {provider: openai, base_url: 'http://127.0.0.1:1/v1', model: m, price: {input: 1, output: 1}}}"
)


def test_worker_with_the_package_says_nothing() -> None:
    assert package_problem() is None


def test_worker_without_the_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    file = tmp_path / "models.yaml"
    file.write_text(FILE)
    with pytest.raises(DocumentError) as caught:
        load_catalogue(file, None, environ={})
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("no_package", "models.default.provider")
    assert "not installed where this worker runs" in problem.message
    assert "pip install 'detent[openai]'" in str(problem.suggestion)


def test_package_is_not_loaded_before_it_is_called(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(FILE)
    program = f"""
import sys
from pathlib import Path
from activities.models.catalogue import load_catalogue
load_catalogue(Path({str(file)!r}), None, environ={{}})
assert not {{"openai", "anthropic"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
