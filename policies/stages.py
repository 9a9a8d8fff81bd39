"""The stages of the gate before the loop guard: tenant, capability, protected paths, risk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policies.capability import Capability
from policies.model import Facts, Reason, Request, Risk, Trigger, Verdict
from policies.reading import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policies.tenant import TenantPolicy

MAX_KNOWN = 4096
"""Tools whose level of risk a policy remembers before it forgets them all."""


def judge_tenant(policy: TenantPolicy, request: Request, facts: Facts) -> tuple[Reason, ...]:
    """The run is in a namespace of its tenant."""
    del request
    if policy.serves(facts.namespace):
        return ()
    where = f"namespace `{facts.namespace}`: its namespaces are {quoted(policy.namespaces)}"
    message = f"tenant `{policy.name}` has no runs in {where}"
    return (Reason("tenant.namespace", Verdict.DENY, message),)


def judge_capability(policy: TenantPolicy, request: Request, facts: Facts) -> tuple[Reason, ...]:
    """Every need of the call is declared, not denied, granted by the operator or a person, and asked for."""
    del facts
    failed: dict[str, list[Capability]] = {}
    this = Capability(request.kind, request.name)
    if this not in request.needs:
        failed["undeclared"] = [this]
    for need in request.needs:
        rule = _flaw(policy, request, need)
        if rule is not None:
            failed.setdefault(rule, []).append(need)
    return tuple(_capability_reason(rule, needs) for rule, needs in failed.items())


def lacking_needs(policy: TenantPolicy, request: Request) -> tuple[Capability, ...]:
    """The needs that a person may grant and has not granted."""
    return tuple(need for need in request.needs if _flaw(policy, request, need) == GRANTABLE)


def may(policy: TenantPolicy, request: Request, need: Capability) -> bool:
    """Whether the call would have this need, too, whatever a person said of the ones it has."""
    return _flaw(policy, replace(request, discharged=frozenset()), need) is None


def judge_protected(policy: TenantPolicy, request: Request, facts: Facts) -> tuple[Reason, ...]:
    """Nothing is written to a protected path before a person has said so."""
    del facts
    touched = [need.pattern for need in request.needs if need.kind == "fs.write" and policy.guarded.forbids(need)]
    if not touched:
        return ()
    return (ask(policy, request, Trigger.PROTECTED_PATH, "protected.path", f"{quoted(touched)} is a protected path"),)


def judge_risk(policy: TenantPolicy, request: Request, facts: Facts) -> tuple[Reason, ...]:
    """What the operator wants of calls of this level: nothing, a person, or not at all."""
    del facts
    level = risk_level(policy, request)
    mode = policy.risk.mode(level)
    if mode == "auto":
        return ()
    rule, about = f"risk.{level}", f"`{request.name}` is of {level} risk"
    if mode == "ask":
        return (ask(policy, request, Trigger.RISKY_TOOL, rule, about),)
    return (Reason(rule, Verdict.DENY, f"{about}, which the operator's policy denies (`risk.{level}`)"),)


def risk_level(policy: TenantPolicy, request: Request) -> Risk:
    """The level that the operator gives the call; for a model, and where no pattern fits, the one it declares."""
    if request.kind == "model" or not policy.risk.tools:
        return request.risk
    known: dict[tuple[str, Risk], Risk] = policy.__dict__.setdefault("_risk_levels", {})
    key = (request.name, request.risk)
    level = known.get(key)
    if level is None:
        if len(known) >= MAX_KNOWN:
            known.clear()
        level = known[key] = policy.risk.level(*key)
    return level


def ask(policy: TenantPolicy, request: Request, trigger: Trigger, rule: str, about: str) -> Reason:
    """Fail closed: where the policy does not say how to ask, the answer is no."""
    if trigger not in policy.triggers:
        message = f"{about} and the policy has no `triggers.{trigger}`: nobody can be asked"
        return Reason(rule, Verdict.DENY, message)
    if trigger in request.discharged:
        return Reason(rule, Verdict.ALLOW, f"{about}; a person has approved this call")
    return Reason(rule, Verdict.ASK, f"{about}: a person must approve it", trigger)


GRANTABLE = "grantable"


def _flaw(policy: TenantPolicy, request: Request, need: Capability) -> str | None:
    """Why the call does not have a need, null if it does. What people grant must be theirs to grant."""
    if policy.deny.forbids(need):
        return "denied"
    allowed = policy.allow.covers(need)
    if allowed and request.asked.covers(need):
        return None
    if not allowed and not policy.grantable.covers(need):
        return "not_granted"
    if request.granted is not None and request.granted.covers(need):
        return None
    if Trigger.CAPABILITY not in policy.triggers:
        return "not_asked" if allowed else "not_granted"
    return None if allowed and Trigger.CAPABILITY in request.discharged else GRANTABLE


def _capability_reason(rule: str, needs: list[Capability]) -> Reason:
    message = _WORDS[rule](needs)
    if rule != GRANTABLE:
        return Reason(f"capability.{rule}", Verdict.DENY, message)
    return Reason(f"capability.{rule}", Verdict.ASK, message, Trigger.CAPABILITY, (("lacks", _named(needs)),))


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
    GRANTABLE: lambda needs: f"the run lacks {_named(needs)}, which a person may grant: a person must grant it",
}
