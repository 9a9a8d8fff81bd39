"""Whether our top-level packages are ours: their names are common, and another distribution may ship the same."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

OURS = ("policies", "workflows", "activities", "worker", "cli")


@dataclass(frozen=True, slots=True)
class Foreign:
    """One of our package names that resolves to somebody else's files, or (`found` null) to none."""

    name: str
    found: Path | None
    expected: Path

    def __str__(self) -> str:
        where = f"resolves to `{self.found}`" if self.found else "was not found"
        return (
            f"package `{self.name}` {where}, not to `{self.expected}`: another distribution ships the same name "
            "(`llama-index-workflows` ships `workflows`); give detent a virtual environment of its own"
        )


def foreign_packages(root: Path | None = None) -> tuple[Foreign, ...]:
    """Our packages that are not the ones beside this file. Imports none of them, so it can run before all else."""
    home = root or Path(__file__).resolve().parent.parent
    return tuple(Foreign(name, found, home / name) for name in OURS if (found := _place(name)) != home / name)


def _place(name: str) -> Path | None:
    spec = find_spec(name)
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or ())
    return Path(places[0]).resolve() if places else Path(spec.origin or "").resolve()
