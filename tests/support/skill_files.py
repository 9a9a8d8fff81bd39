"""Skills on disk for tests: a directory with a directory for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BODY = "# How\n\nSee `references/more.md`."


def write_skill(shelf: Path, name: str, *front: str, body: str = BODY, **files: str) -> Path:
    """Write a skill and give its directory; `files` are references by their names without `.md`."""
    place = shelf / name
    (place / "references").mkdir(parents=True)
    lines = ["---", f"name: {name}", f"description: Does {name}.", *front, "---", body]
    (place / "SKILL.md").write_text("\n".join(lines), encoding="utf-8")
    for file, text in files.items():
        (place / "references" / f"{file}.md").write_text(text, encoding="utf-8")
    return place
