"""A namesake of one of our packages is found before it is imported."""

from __future__ import annotations

import sys
from importlib.machinery import BuiltinImporter
from typing import TYPE_CHECKING

from worker.packages import foreign_packages

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_our_own_packages_are_ours() -> None:
    assert foreign_packages() == ()


def test_a_namesake_is_named_with_both_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    namesake = tmp_path / "workflows"
    namesake.mkdir()
    (namesake / "__init__.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "workflows")
    (found,) = foreign_packages()
    assert found.name == "workflows"
    assert found.found == namesake
    assert "a virtual environment of its own" in str(found)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [BuiltinImporter])
    monkeypatch.delitem(sys.modules, "cli", raising=False)
    assert ("cli", None) in [(package.name, package.found) for package in foreign_packages()]
