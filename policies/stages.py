"""The stages of the gate before the budget: tenant, capability, protected paths, risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.capability import Capability
from policies.model import Facts, Reason, Request, Trigger, Verdict
from policies.reading import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policies.tenant import TenantPolicy

FIELDS = {Trigger.RISKY_TOOL: "triggers.on_risky_tool", Trigger.PROTECTED_PATH: "triggers.on_protected_path"}


def judge_tenant(policy: TenantPolicy, request: Request, facts: Facts) -> tuple[Reason, ...]:
    """The run is in a namespace of its tenant."""
    del request
    if policy.serves(facts.namespace):
        return ()
    where = f"namespace `{facts.namespace}`: its namespaces are {quoted(policy.namespaces)}"
    message = f"tenant `{policy.name}` has no runs in {where}"
    return (Reason("tenant.namespace", Verdict.DENY, message),)


def judge_capability(policy: TenantPolicy, request: Request, facts: Facts) -> tuple[Reason, ...]:
    """Every need of the call is declared, not denied, granted by the operator and asked for by the graph."""
    del facts
    failed: dict[str, list[Capability]] = {}
    this = Capability(request.kind, request.name)
    if this not in request.needs:
        failed["undeclared"] = [this]
    for need in request.needs:
        rule = _flaw(policy, request, need)
        if rule is not None:
            failed.setdefault(rule, []).append(need)
    return tuple(Reason(f"capability.{rule}", Verdict.DENY, _WORDS[rule](needs)) for rule, needs in failed.items())


def judge_protected(policy: TenantPolicy, request: Request, facts: Facts) -> tuple[Reason, ...]:
    """Nothing is written to a protected path before a person has said so."""
    del facts
    touched = [need.pattern for need in request.needs if need.kind == "fs.write" and policy.guarded.forbids(need)]
    if not touched:
        return ()
    return (_ask(policy, request, Trigger.PROTECTED_PATH, "protected.path", f"{quoted(touched)} is a protected path"),)


def judge_risk(policy: TenantPolicy, request: Request, facts: Facts) -> tuple[Reason, ...]:
    """What the operator wants of calls of this level: nothing, a person, or not at all."""
    del facts
    level = policy.risk.level(request.name, request.risk) if request.kind == "tool" else request.risk
    mode = policy.risk.mode(level)
    if mode == "auto":
        return ()
    rule, about = f"risk.{level}", f"`{request.name}` is of {level} risk"
    if mode == "ask":
        return (_ask(policy, request, Trigger.RISKY_TOOL, rule, about),)
    return (Reason(rule, Verdict.DENY, f"{about}, which the operator's policy denies (`risk.{level}`)"),)


def _flaw(policy: TenantPolicy, request: Request, need: Capability) -> str | None:
    if policy.deny.forbids(need):
        return "denied"
    if not policy.allow.covers(need):
        return "not_granted"
    return None if request.asked.covers(need) else "not_asked"


def _named(needs: Iterable[Capability]) -> str:
    return quoted([f'{need.kind}: ["{need.pattern}"]' for need in needs])


_WORDS = {
    "undeclared": lambda needs: f"the call does not declare {_named(needs)}: a call must need itself",
    "denied": lambda needs: f"the operator's policy denies {_named(needs)} (`deny`): nothing overrides that",
    "not_granted": lambda needs: (
        f"the operator's policy does not grant {_named(needs)}: ask the operator for it in `allow`"
    ),
    "not_asked": lambda needs: (
        f"the graph does not ask for {_named(needs)}: add it to the graph's and the node's `capabilities`"
    ),
}


def _ask(policy: TenantPolicy, request: Request, trigger: Trigger, rule: str, about: str) -> Reason:
    """Fail closed: where the policy does not say how to ask, the answer is no."""
    if trigger not in policy.triggers:
        return Reason(rule, Verdict.DENY, f"{about} and the policy has no `{FIELDS[trigger]}`: nobody can be asked")
    if trigger in request.discharged:
        return Reason(rule, Verdict.ALLOW, f"{about}; a person has approved this call")
    return Reason(rule, Verdict.ASK, f"{about}: a person must approve it")
