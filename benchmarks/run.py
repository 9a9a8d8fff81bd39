"""`make bench`: every benchmark, one after the other, each in a process of its own, then one table of all."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from benchmarks.figures import RESULTS, Figure, print_table

PROGRAMS = ("engine_apply", "decide", "steps", "sandbox")
LIMIT_S = 300


def run(program: str) -> bool:
    """Run one; false when it failed, which no number makes it."""
    begun = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own programs, named above
        [sys.executable, "-m", f"benchmarks.{program}"], check=False, timeout=LIMIT_S
    )
    print(f"{program}: {time.monotonic() - begun:.0f} s\n", flush=True)
    return done.returncode == 0


def figures(program: str) -> list[Figure]:
    """What a program has just written, without what has no target."""
    document = json.loads((RESULTS / f"{program}.json").read_text(encoding="utf-8"))
    names = ("name", "measured", "unit", "at_most", "at_least")
    found = [Figure(**{name: figure[name] for name in names}) for figure in document["figures"]]
    return [figure for figure in found if figure.met is not None]


def main() -> int:
    """Run all; the exit code says whether they ran, not whether the numbers please."""
    ran = [program for program in PROGRAMS if run(program)]
    print_table("targets", [figure for program in ran for figure in figures(program)])
    return 0 if len(ran) == len(PROGRAMS) else 1


if __name__ == "__main__":
    sys.exit(main())
