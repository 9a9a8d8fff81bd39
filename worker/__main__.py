"""`python -m worker`: a worker whose settings all come from the environment."""

from __future__ import annotations

import os
import sys

from worker.packages import foreign_packages


def main() -> int:
    """Run until SIGTERM; the exit code. Nothing of ours is imported before the packages are known to be ours."""
    foreign = foreign_packages()
    for package in foreign:
        sys.stderr.write(f"{package}\n")
    if foreign:
        return 1
    from worker.run import run_worker  # noqa: PLC0415  another distribution's `workflows` would fail this import
    from worker.settings import Flags  # noqa: PLC0415 - for the same reason

    return run_worker(Flags(), os.environ)


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # the SDK can crash in Python's finalisation
