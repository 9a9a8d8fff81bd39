"""`make bench`: every benchmark, one after the other, each in a process of its own, then one table of all.

`--write` puts the table into docs/benchmarks.md, `--full` adds what takes many minutes (flat_history).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.figures import MET, RESULTS, Figure, print_table

PROGRAMS = ("engine_apply", "audit", "decide", "steps", "sandbox", "flat_history")
FULL = "--full"
ELSEWHERE = ("chaos", "agents")
"""Measured by `make chaos`; told here if it has been run."""
LIMIT_S, FULL_LIMIT_S = 300, 3_600
PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: written by `python -m benchmarks.run --write` -->", "<!-- end of figures -->"


def run(program: str) -> bool:
    """Run one; false when it failed, which no number makes it."""
    begun = time.monotonic()
    full = [FULL] if FULL in sys.argv else []
    done = subprocess.run(  # noqa: S603 - our own programs, named above
        [sys.executable, "-m", f"benchmarks.{program}", *full], check=False, timeout=FULL_LIMIT_S if full else LIMIT_S
    )
    print(f"{program}: {time.monotonic() - begun:.0f} s\n", flush=True)
    return done.returncode == 0


def read(program: str) -> tuple[list[Figure], list[float]]:
    """What a program wrote last, with the machine's load before and after; nothing if it never ran."""
    file = RESULTS / f"{program}.json"
    if not file.exists():
        return [], []
    document = json.loads(file.read_text(encoding="utf-8"))
    names = ("name", "measured", "unit", "at_most", "at_least")
    return [Figure(**{name: figure[name] for name in names}) for figure in document["figures"]], document["load"]


def write_page() -> None:
    """Put the figures of all programs into docs/benchmarks.md, in the place of those that are there."""
    rows = ["| figure | target | measured | met |", "|---|---|---|---|"]
    loads = []
    for program in (*PROGRAMS, *ELSEWHERE):
        figures, load = read(program)
        rows += [
            f"| {figure.name} | {figure.target} | {figure.shown} {figure.unit} | {MET[figure.met]} |"
            for figure in figures
        ]
        loads += [f"{program} {' to '.join(map(str, load))}"] if load else []
    told = f"Load of the machine, before and after each: {', '.join(loads)}."
    text = PAGE.read_text(encoding="utf-8")
    head, tail = text.partition(BEGIN)[0], text.partition(END)[2]
    PAGE.write_text(f"{head}{BEGIN}\n{chr(10).join(rows)}\n\n{told}\n{END}{tail}", encoding="utf-8")


def main() -> int:
    """Run all; the exit code says whether they ran, not whether the numbers please."""
    ran = [program for program in PROGRAMS if run(program)]
    every = [figure for program in (*ran, *ELSEWHERE) for figure in read(program)[0]]
    print_table("targets", [figure for figure in every if figure.met is not None])
    if "--write" in sys.argv:
        write_page()
    return 0 if len(ran) == len(PROGRAMS) else 1


if __name__ == "__main__":
    sys.exit(main())
