"""Writes the generated documents: schemas and the command reference. `--check` compares them instead."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.audit_page import audit_page
from cli.reference import reference
from policies.policy_schema import schema as policy_schema
from workflows.language.spec import schema as graph_schema

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent


def _json(schema: Callable[[], dict[str, object]]) -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


GENERATED: dict[str, Callable[[], str]] = {
    "docs/audit.md": audit_page,
    "docs/cli.md": reference,
    "docs/schema/agent-graph.json": lambda: _json(graph_schema),
    "docs/schema/policy.json": lambda: _json(policy_schema),
}


def stale() -> list[str]:
    """The generated documents that are not what would be generated now."""
    return [name for name, make in GENERATED.items() if _read(ROOT / name) != make()]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main(arguments: list[str]) -> int:
    """Write, or with `--check` compare; the exit code."""
    old = stale()
    for name in old:
        if "--check" not in arguments:
            (ROOT / name).write_text(GENERATED[name](), encoding="utf-8")
        print(f"{name}: {'out of date; run `make generate`' if '--check' in arguments else 'written'}")
    return 1 if old and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
