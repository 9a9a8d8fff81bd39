"""The second check of a call, by the worker that makes it, with the operator's policy that it loaded itself."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from activities.control_paths import ControlPaths, ControlView
from activities.failures import policy_denied
from activities.tools.errors import show
from activities.tools.place import Place
from policies.capability import Capability, resolve_needs
from policies.document import PolicyDocument, TenantPolicy
from policies.model import Trigger
from workflows.contracts.calls import Call
from workflows.contracts.run import ToolCard
from workflows.language.schema import with_defaults

__all__ = ["ControlPaths", "Edge", "FileAccess"]

CONTROL_PATH = "control_path"
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

    def check_tool(self, call: Call, card: ToolCard, tenant: str) -> FileAccess:
        """Allow a tool call, or raise `PolicyDenied`; gives what it may do with files.

        `card` is the worker's own, never the run's: what the tool needs is not the caller's to say.
        """
        judge = self._judge(call, tenant)
        args = with_defaults(card.input_schema, call.args)
        judge.require((Capability("tool", card.name), *resolve_needs(card.needs, args)))
        judge.require_risk(card)
        return FileAccess(judge, self._control.look())

    def check_model(self, call: Call, alias: str, tenant: str) -> None:
        """Allow a model call, or raise `PolicyDenied`."""
        self._judge(call, tenant).require((Capability("model", alias),))

    def _judge(self, call: Call, tenant: str) -> _Judge:
        policy = self._policy.tenant(tenant)
        if policy is None or not policy.serves(self._namespace, self._task_queue):
            where = f"namespace `{self._namespace}` of this worker"
            raise policy_denied("tenant.namespace", f"`{call.name}`: tenant `{tenant}` may not run in {where}")
        return _Judge(call, policy)


@dataclass(frozen=True, slots=True)
class _Judge:
    """One call before one tenant's policy."""

    call: Call
    policy: TenantPolicy

    def require(self, needs: Iterable[Capability]) -> None:
        for needed in needs:
            if self.policy.deny.forbids(needed):
                self.refuse("capability.denied", f"the operator's policy denies `{needed}` (`deny`)")
            if not self.policy.allow.covers(needed):
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
        now = self.policy.digest[:_PREFIX_DIGITS]
        then = self.call.decision.policy
        drift: dict[str, object] = {} if now == then else {"drift": {"run": then, "worker": now}}
        more = f"; the policy has changed since the run was admitted ({then}, now {now})" if drift else ""
        raise policy_denied(rule, f"`{self.call.name}`: {words}{more}", details=drift)

    def _permits(self, trigger: Trigger) -> bool:
        return self.call.permit is not None and trigger.value in self.call.permit.triggers


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
            policy.allow.covers(Capability("fs.read", name))
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
