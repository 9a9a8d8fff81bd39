"""Whether the policy lets the keys of the models travel where the models file sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.errors import DocumentError, Problem

if TYPE_CHECKING:
    from activities.models.catalogue import Catalogue
    from policies.capability import Capability
    from policies.document import PolicyDocument


def check_key_grants(catalogue: Catalogue, policy: PolicyDocument, namespace: str, task_queue: str) -> None:
    """`DocumentError` for each model whose key no tenant here may send to the model's host.

    What one of several tenants may is looked at again with each call, at the edge.
    """
    served = [policy.tenants[name] for name in policy.tenants_for(namespace, task_queue)]
    problems = [
        _problem(alias, need)
        for alias, needs in catalogue.needs().items()
        for need in needs
        if served and not any(one.allow.covers(need) and not one.deny.forbids(need) for one in served)
    ]
    if problems:
        raise DocumentError(tuple(problems))


def _problem(alias: str, need: Capability) -> Problem:
    name, _, host = need.pattern.partition("@")
    message = f"`env:{name}` may not be sent to `{host}`: the policy grants that to no tenant here"
    remedy = f"add `env: [{{name: {name}, hosts: [{host}]}}]` to a tenant's `allow`"
    return Problem("key_not_granted", message, f"models.{alias}.api_key", remedy)
