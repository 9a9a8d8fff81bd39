"""Runs that bring secrets with them: refused before anything of them is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.run_input import refused
from policies.errors import Problem
from policies.secrets import Finding, scan
from workflows.contracts.failures import FailureType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.tenant import TenantPolicy
    from workflows.contracts.run import RunInput

REMEDY = "name a reference instead (`env:NAME`), or exempt the path in the policy (`secrets.allow_paths`)"


def check_secrets(run: RunInput, tenant: TenantPolicy) -> tuple[str, ...]:
    """Refuse a graph or an input that holds what looks like a secret; says what the policy lets pass.

    Messages have the path and the kind of each, never the value: it is in the history already, and must not be
    in more places.
    """
    found = _scan(run, tenant.secret_paths)
    if found:
        problems = [Problem("secret", f"looks like {_a(one.kind)}", one.path, REMEDY) for one in found]
        listed = ", ".join(f"`{one.path}` ({one.kind})" for one in found)
        message = (
            f"the run brings what looks like secrets: {listed}; {REMEDY}; change them: histories keep what is sent"
        )
        raise refused(FailureType.SECRET_FOUND, message, problems)
    if not tenant.secret_paths:
        return ()
    return tuple(f"secrets: `{one.path}` ({one.kind}) is let pass by the policy" for one in _scan(run, ()))


def _scan(run: RunInput, allowed: Sequence[str]) -> tuple[Finding, ...]:
    parts = (("graph", run.graph), ("input", run.input))
    return tuple(one for root, value in parts for one in scan(value, root=root, allow_paths=allowed))


def _a(kind: str) -> str:
    return f"an {kind}" if kind[:1] in "aeiou" else f"a {kind}"
