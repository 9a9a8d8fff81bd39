"""Policies as the commands read and question them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.documents import load_document
from cli.exits import invalid, unknown, usage
from cli.inventory import cards
from policies.budget import Amount
from policies.capability import Capability, CapabilitySet, resolve_needs
from policies.cases import run_cases
from policies.decide import decide
from policies.errors import DocumentError
from policies.explain import explain
from policies.model import Effect, Facts, Request, Risk, Standing
from worker.operator_files import load_policy
from workflows.language.schema import validate_value, with_defaults
from workflows.language.yaml import attach

if TYPE_CHECKING:
    from cli.options import WorkerOptions
    from policies.cases import CaseResult
    from policies.document import PolicyDocument
    from policies.explain import StageRow
    from policies.model import Decision
    from policies.tenant import TenantPolicy

NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A call that might be made: the first of a run that asks for all it needs."""

    name: str
    args: dict[str, object]
    tenant: str
    namespace: str
    is_model: bool


def read_policy(file: str | None) -> PolicyDocument:
    """A policy from a file, or the built-in one; `DocumentError` with every problem in its place."""
    return load_policy(None if file is None else Path(file))


def read_cases(file: str, policy: PolicyDocument, worker: WorkerOptions) -> tuple[CaseResult, ...]:
    """Run the cases of a file, which may name the tools that are here; `DocumentError` if the file itself is wrong."""
    loaded = load_document(file)
    tools = cards(worker, os.environ).tools if _names_tools(loaded.data) else {}
    try:
        return run_cases(loaded.data, policy, tools)
    except DocumentError as error:
        raise DocumentError(tuple(attach(error.problems, loaded.places, file))) from error


def _names_tools(data: object) -> bool:
    """Whether a case names a tool: else nothing that a worker needs must be there."""
    cases = data.get("cases") if isinstance(data, dict) else data
    found = [case.get("request") for case in cases if isinstance(case, dict)] if isinstance(cases, list) else []
    return any(isinstance(request, dict) and "tool" in request for request in found)


def advisory_tenants(policy: PolicyDocument) -> list[tuple[str, tuple[str, ...]]]:
    """Namespaces that several tenants share, with their names, where one of them takes starts that nobody signed.

    Nothing there keeps whoever reaches the namespace from naming that one.
    """
    namespaces = sorted({name for tenant in policy.tenants.values() for name in tenant.namespaces})
    shared = []
    for namespace in namespaces:
        there = [tenant for tenant in policy.tenants.values() if tenant.serves(namespace)]
        if len(there) > 1 and not all(tenant.starters for tenant in there):
            shared.append((namespace, tuple(sorted(tenant.name for tenant in there))))
    return shared


def explain_call(
    policy: PolicyDocument, call: Hypothesis, worker: WorkerOptions
) -> tuple[Decision, tuple[StageRow, ...]]:
    """The verdict, and what every stage of the gate says of the call."""
    tenant = policy.tenant(call.tenant)
    if tenant is None:
        known = ", ".join(f"`{name}`" for name in policy.tenants)
        raise usage(f"`--tenant {call.tenant}`: the policy has {known}")
    request, facts = _request(call, worker), _facts(tenant, call.namespace)
    return decide(tenant, request, facts), explain(tenant, request, facts)


def _request(call: Hypothesis, worker: WorkerOptions) -> Request:
    effect, risk = Effect.NONE, Risk.LOW
    needs: tuple[Capability, ...] = (Capability("model", call.name),)
    if not call.is_model:
        card = cards(worker, os.environ).tools.get(call.name)
        if card is None:
            raise unknown(f"no tool `{call.name}` here; `detent tools ls` lists them, `--model` is for models")
        faults = validate_value(card.input_schema, call.args)
        if faults:
            message = f"`{call.name}` does not take these arguments: {'; '.join(faults)}; give others with `--args`"
            raise invalid(message, kind="InvalidInput")
        effect, risk = card.effect, card.risk
        needs = (
            Capability("tool", call.name),
            *resolve_needs(card.needs, with_defaults(card.input_schema, call.args)),
        )
    return Request(
        kind="model" if call.is_model else "tool",
        name=call.name,
        activation=f"{call.name}#1",
        node=call.name,
        effect=effect,
        risk=risk,
        needs=needs,
        asked=CapabilitySet(needs),
        reserve=Amount(steps=1, tool_calls=0 if call.is_model else 1),
        args=None if call.is_model else call.args,
        args_bytes=0 if call.is_model else len(json.dumps(call.args, ensure_ascii=False).encode()),
    )


def _facts(tenant: TenantPolicy, namespace: str) -> Facts:
    execution = Standing(tenant.execution, NOTHING, NOTHING)
    return Facts(namespace, execution, Standing(tenant.lifetime, NOTHING, NOTHING))
