"""The virtual environment of the other frameworks, made by the first comparison and never mixed with ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".venv-compare"
PINNED = Path(__file__).resolve().with_name("requirements.txt")
INSTALLED = PLACE / "installed.txt"
TAIL_CHARS = 2_000


class NotMade(Exception):
    """The environment could not be made; the message says what was tried and what came of it."""


def interpreter() -> Path:
    """Its Python, made anew when the pinned versions have changed; `NotMade` if they are not to be had."""
    python = PLACE / "bin" / "python"
    wanted = PINNED.read_text(encoding="utf-8")
    if not (python.exists() and INSTALLED.exists() and INSTALLED.read_text(encoding="utf-8") == wanted):
        _run(sys.executable, "-m", "venv", "--clear", str(PLACE))
        _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(PINNED))
        INSTALLED.write_text(wanted, encoding="utf-8")
    return python


def _run(*line: str) -> None:
    done = subprocess.run(line, check=False, capture_output=True, text=True)  # noqa: S603 - lines written above
    if done.returncode != 0:
        raise NotMade(f"`{' '.join(line)}` failed, so nothing can be compared:\n{done.stderr[-TAIL_CHARS:]}")
