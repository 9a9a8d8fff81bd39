"""Secrets in what is about to be sent: refused here, before a history has them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cli.exits import FOUND, SUSPECT, invalid
from cli.options import WorkerOptions
from policies.errors import Problem
from policies.secrets import scan
from worker.operator_files import load_policy
from worker.settings import settings

if TYPE_CHECKING:
    from policies.secrets import Finding

REMEDY = "write a reference, `env:NAME`, or have the operator exempt the path by `secrets.allow_paths`"
HERE = WorkerOptions(None, None, (), None)


def refuse_secrets(value: object, root: str, worker: WorkerOptions = HERE) -> None:
    """Exit 7 with every place where a secret seems to stand; `root` is how paths begin (`input`, `answer`)."""
    problems = tuple(_problem(found, found.path) for found in _found(value, root, worker))
    if problems:
        raise invalid(f"a secret may not stand in the {root}: histories keep it", problems, kind=FOUND)


def graph_secrets(document: object, worker: WorkerOptions = HERE) -> tuple[Problem, ...]:
    """The same of a graph, as problems with paths within the document."""
    found = _found(document, "graph", worker)
    return tuple(_problem(one, one.path.removeprefix("graph").removeprefix(".")) for one in found)


def _found(value: object, root: str, worker: WorkerOptions) -> tuple[Finding, ...]:
    """What is found and not exempted; the policy is read only where something is."""
    return scan(value, root=root, allow_paths=_exempted(worker)) if scan(value, root=root) else ()


def _exempted(worker: WorkerOptions) -> tuple[str, ...]:
    """The paths that the policy of a worker started here exempts: another worker decides for itself."""
    policy = load_policy(settings(worker.flags(), os.environ).policy)
    return tuple(path for tenant in policy.tenants.values() for path in tenant.secret_paths)


def _problem(found: Finding, path: str) -> Problem:
    return Problem(SUSPECT, f"looks like a secret ({found.kind})", path, f"{REMEDY} (there it is `{found.path}`)")
