"""The project's own files, as the architecture tests see them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("policies", "workflows", "activities", "worker", "cli")
PURE = ("policies", "workflows/contracts", "workflows/language", "workflows/engine")
KEPT_HIDDEN = frozenset({".ci", ".gitignore", ".github", ".dockerignore"})
MADE = frozenset({"build", "dist", "reports", "node_modules", "__pycache__"})


def files(*tops: str) -> Iterator[Path]:
    """Every file below the given folders (all of the project if none), without what is made or hidden."""
    for start in [ROOT / top for top in tops] or [ROOT]:
        yield from _walk(start)


def modules(*tops: str) -> list[Path]:
    """The Python files below the given folders, in order, without what the examples work on."""
    return [path for path in files(*tops) if path.suffix == ".py" and not _material(path)]


def shown(path: Path) -> str:
    """The path as a person would type it at the root."""
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    """The syntax tree of one file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _walk(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name in MADE or path.suffix == ".egg-info" or _hidden(path):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def _material(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return parts[0] == "examples" and "workspace" in parts


def _hidden(path: Path) -> bool:
    return path.name.startswith(".") and path.name not in KEPT_HIDDEN
