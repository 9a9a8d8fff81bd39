"""The second check of a call, by the worker that makes it, with the operator's policy that it loaded itself."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from activities.control_paths import ControlPaths, ControlView
from activities.failures import policy_denied, policy_drift
from activities.permits import Scene, Witness, asked_capabilities, describe_model, describe_tool, grants
from activities.tools.errors import show
from activities.tools.place import Place
from policies.capability import Capability, CapabilitySet, resolve_needs
from policies.document import PolicyDocument, TenantPolicy
from policies.model import Trigger
from workflows.contracts.calls import Call, Permit
from workflows.contracts.run import ToolCard
from workflows.language.schema import with_defaults

__all__ = ["ControlPaths", "Edge", "FileAccess", "Scene"]

CONTROL_PATH, EVIDENCE, APPROVE = "control_path", "edge.evidence", "approve"
NOTHING_GRANTED = CapabilitySet()
_PREFIX_DIGITS = 16
"""How many digits of a policy's digest a decision records."""


class Edge:
    """The operator's policy and the worker's control paths, as they are for every call that the worker makes."""

    def __init__(
        self, policy: PolicyDocument, namespace: str, control: ControlPaths, task_queue: str | None = None
    ) -> None:
        self._policy = policy
        self._namespace = namespace
        self._task_queue = task_queue
        self._control = control

    def check_tool(self, call: Call, card: ToolCard, where: Scene) -> FileAccess:
        """Allow a tool call, or raise `PolicyDenied` or `PolicyDrift`; gives what it may do with files.

        `card` is the worker's own, never the run's: what the tool needs is not the caller's to say.
        """
        args = with_defaults(card.input_schema, call.args)
        needs = (Capability("tool", card.name), *resolve_needs(card.needs, args))
        judge = self._judge(call, where).believing(describe_tool(call, card, needs), where)
        judge.require(needs)
        judge.require_risk(card)
        return FileAccess(judge, self._control.look())

    def check_model(
        self, call: Call, alias: str, where: Scene, subject: str = "", needs: tuple[Capability, ...] = ()
    ) -> None:
        """Allow a model call, or raise `PolicyDenied` or `PolicyDrift`; `subject` is the worker's entry's digest.

        `needs` is what the model's key needs to travel.
        """
        judge = self._judge(call, where).believing(describe_model(call, alias, subject), where)
        judge.require((Capability("model", alias), *needs))

    def _judge(self, call: Call, where: Scene) -> _Judge:
        tenant = where.workflow_id.partition("/")[0]
        policy = self._policy.tenant(tenant)
        if policy is None or not policy.serves(self._namespace, self._task_queue):
            place = f"namespace `{self._namespace}` of this worker"
            raise policy_denied("tenant.namespace", f"`{call.name}`: tenant `{tenant}` may not run in {place}")
        return _Judge(call, policy)


@dataclass(frozen=True, slots=True)
class _Judge:
    """One call before one tenant's policy. `discharged` and `granted` are what people said yes to, as verified."""

    call: Call
    policy: TenantPolicy
    discharged: tuple[str, ...] = ()
    granted: CapabilitySet = NOTHING_GRANTED

    def believing(self, described: Mapping[str, object], where: Scene) -> _Judge:
        """The same judge with the evidence that the call brings; refuses evidence that does not hold."""
        if self.call.permit is None and not self.call.grants:
            return self
        witness = Witness(self.call, described, self.policy, where)
        discharged: tuple[str, ...] = ()
        granted: list[Capability] = []
        permit = self.call.permit
        if permit is not None:
            self._believe(permit, witness.flaw_of_permit(permit))
            discharged = permit.triggers if permit.outcome == APPROVE else ()
            granted += asked_capabilities(permit) if grants(permit) else ()
        for grant in self.call.grants:
            self._believe(grant, witness.flaw_of_grant(grant))
            granted += asked_capabilities(grant)
        return replace(self, discharged=discharged, granted=CapabilitySet(tuple(granted)))

    def _believe(self, permit: Permit, flaw: str | None) -> None:
        if flaw is not None:
            self.refuse(EVIDENCE, f"the answer to {show(permit.pause)} does not allow this call: {flaw}")

    def has(self, needed: Capability) -> bool:
        """Whether the policy allows it, or lets people grant it and they did."""
        policy = self.policy
        return policy.allow.covers(needed) or (policy.grantable.covers(needed) and self.granted.covers(needed))

    def require(self, needs: Iterable[Capability]) -> None:
        for needed in needs:
            if self.policy.deny.forbids(needed):
                self.refuse("capability.denied", f"the operator's policy denies `{needed}` (`deny`)")
            if not self.has(needed):
                words = f"the operator's policy does not grant `{needed}`: ask the operator for it in `allow`"
                self.refuse("capability.not_granted", words)
            self.require_unprotected(needed)

    def require_unprotected(self, needed: Capability) -> None:
        if (
            needed.kind == "fs.write"
            and self.policy.guarded.forbids(needed)
            and not self._permits(Trigger.PROTECTED_PATH)
        ):
            self.refuse(
                "protected.path", f"{show(needed.pattern)} is a protected path and nobody has approved the call"
            )

    def require_risk(self, card: ToolCard) -> None:
        level = self.policy.risk.level(card.name, card.risk)
        mode = self.policy.risk.mode(level)
        if mode == "deny" or (mode == "ask" and not self._permits(Trigger.RISKY_TOOL)):
            words = "denies" if mode == "deny" else "has people asked about, and nobody has approved the call"
            self.refuse(f"risk.{level}", f"it is of {level} risk, which the operator's policy {words}")

    def refuse(self, rule: str, words: str) -> NoReturn:
        """Raise the refusal; where the run was admitted under another policy, with the digests of both."""
        now, then = self.policy.digest[:_PREFIX_DIGITS], self.call.decision.policy
        if now == then:
            raise policy_denied(rule, f"`{self.call.name}`: {words}")
        change = f"the policy has changed since the run was admitted ({then}, now {now})"
        more = f"{change}; `detent repin` puts waiting runs under it before they are answered"
        raise policy_drift(rule, f"`{self.call.name}`: {words}; {more}", run=then, worker=now)

    def _permits(self, trigger: Trigger) -> bool:
        return trigger.value in self.discharged


@dataclass(frozen=True, slots=True)
class FileAccess:
    """What one call may do with files, asked about each as it really is; see `activities.tools.place.Access`."""

    _judge: _Judge
    _control: ControlView

    def may_read(self, place: Place) -> None:
        """Raise `PolicyDenied` unless the file may be read."""
        if self._control.closes(place):
            self._refuse_control(place)
        self._judge.require(_capabilities("fs.read", place))

    def may_write(self, place: Place) -> None:
        """Raise `PolicyDenied` unless the file may be written."""
        if self._control.fixes(place):
            self._refuse_control(place)
        self._judge.require(_capabilities("fs.write", place))

    def shows(self, place: Place) -> bool:
        """Whether the file may be among the results of a pattern: granted, neither denied nor protected nor closed."""
        policy = self._judge.policy
        if self._control.closes(place):
            return False
        names = _names(place)
        return all(
            self._judge.has(Capability("fs.read", name))
            and not policy.deny.forbids(Capability("fs.read", name))
            and not policy.guarded.forbids(Capability("fs.write", name))
            for name in names
        )

    def enters(self, place: Place) -> bool:
        """Whether anything in the directory could be shown."""
        policy = self._judge.policy
        below = "**" if place.relative == "." else f"{place.relative}/**"
        return not (
            self._control.closes(place)
            or policy.deny.covers(Capability("fs.read", below))
            or policy.guarded.covers(Capability("fs.write", below))
        )

    def _refuse_control(self, place: Place) -> NoReturn:
        words = f"{show(place.asked)} is one of the worker's own files, which no tool touches; use another path"
        self._judge.refuse(CONTROL_PATH, words)


def _capabilities(kind: str, place: Place) -> list[Capability]:
    return [Capability(kind, name) for name in _names(place)]


def _names(place: Place) -> list[str]:
    """Every name that a rule may know the file by: as asked for, as it is, and with accents composed."""
    names = [place.asked, place.relative]
    return list(dict.fromkeys([*names, *(unicodedata.normalize("NFC", name) for name in names)]))
