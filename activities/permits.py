"""Whether the evidence that a call brings holds: that people who may have said yes, to this very call."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from policies.canonical import NotCanonical, digest
from policies.coverage import calls_of, capabilities_of, covered_by, measured, same_call
from policies.evidence import Standard, escalated, missing, standard_of, strictest, why_unfit
from policies.grants import Capability
from policies.model import Trigger
from policies.tenant import TenantPolicy
from workflows.contracts.calls import Call, Permit
from workflows.contracts.run import ToolCard
from workflows.engine.digest import idempotency_key, pause_digest

_TRIGGERS = {trigger.value: trigger for trigger in Trigger}


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a call is made, and the moment by which its evidence is judged.

    `revoked` is what the blob store has revoked, beside the policy's own.
    """

    namespace: str
    workflow_id: str
    now_ms: int
    revoked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Witness:
    """One call before one tenant's policy, as a worker knows both."""

    call: Call
    described: Mapping[str, object]
    policy: TenantPolicy
    scene: Scene

    def flaw_of_permit(self, permit: Permit) -> str | None:
        """Why a yes to a call does not count for this one; null when it does."""
        return self._flaw_of_question(permit) or self._other_call(permit) or self._flaw_of_answers(permit)

    def flaw_of_grant(self, permit: Permit) -> str | None:
        """Why people did not grant this run what they were asked for; null when they did. A grant is of the run."""
        if not grants(permit):
            return f"`{permit.outcome}` with scope `{permit.scope}` grants this run nothing"
        return self._flaw_of_question(permit) or self._other_policy(permit) or self._flaw_of_answers(permit)

    def _flaw_of_question(self, permit: Permit) -> str | None:
        asked = permit.asked
        try:
            found = pause_digest(asked)
        except NotCanonical:
            return "what was asked is not JSON"
        if found != permit.digest:
            return f"what was asked has the digest {found[:16]}, not {permit.digest[:16]}"
        triggers, outcomes = texts(asked.get("triggers")), texts(asked.get("outcomes"))
        if asked.get("pause_id") != permit.pause or not permit.triggers or not {*permit.triggers} <= {*triggers}:
            return "what was asked is another question"
        if permit.outcome not in outcomes or type(asked.get("quorum")) is not int:
            return f"`{permit.outcome}` was not offered, or of nobody knows how many"
        return self._other_run(permit)

    def _other_run(self, permit: Permit) -> str | None:
        asked = permit.asked
        if asked.get("namespace") != self.scene.namespace:
            return "it was asked in another namespace"
        if permit.scope == "tenant":
            mine = self.scene.workflow_id.partition("/")[0]
            return None if _tenant(asked) == mine else "it was asked for another tenant"
        if asked.get("workflow_id") != self.scene.workflow_id or self._key(asked) != self.call.key:
            return "it was asked in another run"
        return None

    def _key(self, asked: Mapping[str, object]) -> str:
        """The call's key, were its run the one that was asked in: only there is it the one that the call has."""
        return idempotency_key(
            namespace=self.scene.namespace,
            workflow_id=self.scene.workflow_id,
            first_run_id=str(asked.get("first_run_id")),
            call=f"{self.call.activation}:{self.call.index}",
            args_digest=digest(self.call.args),
        )

    def _other_call(self, permit: Permit) -> str | None:
        asked = permit.asked
        if permit.scope == "tenant":
            return covered_by(asked, self.described, policy_digest=None)
        if permit.scope == "run":
            return self._other_policy(permit) or covered_by(asked, self.described, policy_digest=self.policy.digest)
        if asked.get("activation") != self.call.activation:
            return "it was asked of another visit"
        return same_call(asked, self.described) or self._other_policy(permit)

    def _other_policy(self, permit: Permit) -> str | None:
        if permit.asked.get("policy_digest") == self.policy.digest:
            return None
        return "it was asked under another policy than this worker has"

    def _flaw_of_answers(self, permit: Permit) -> str | None:
        return flaw_of_answers(permit, self.policy, self.scene, starter_of(permit.asked))


def flaw_of_answers(permit: Permit, policy: TenantPolicy, scene: Scene, starter: tuple[str, str] | None) -> str | None:
    """Why the answers do not say what the permit says, from enough people who may; null when they do.

    Both what was asked for and what the policy asks for now must be satisfied. Where a question was passed on to
    others in time, theirs is what the policy asks for.
    """
    triggers = [_TRIGGERS[name] for name in permit.triggers if name in _TRIGGERS]
    if len(triggers) != len(permit.triggers):
        return "it was asked for a reason that this worker does not know"
    then = asked_standard(permit.asked)
    first = standard_of(policy, triggers, outcome=permit.outcome)
    later = escalated(policy, triggers, outcome=permit.outcome)
    ground = _Ground(policy, scene, starter)
    flaw = _unconvincing(permit, ground, strictest([first, then]))
    return flaw if flaw is None or later is None else _unconvincing(permit, ground, strictest([later, then]))


@dataclass(frozen=True, slots=True)
class _Ground:
    """What answers are judged by, apart from what they must be."""

    policy: TenantPolicy
    scene: Scene
    starter: tuple[str, str] | None


def _unconvincing(permit: Permit, ground: _Ground, standard: Standard) -> str | None:
    policy, scene = ground.policy, ground.scene
    for answer in permit.answers:
        said = (answer.get("pause"), answer.get("outcome"), answer.get("scope", "once"))
        if said != (permit.pause, permit.outcome, permit.scope) or answer.get("data") != permit.answers[0].get("data"):
            return "an answer is to another question, or says something else"
        unfit = why_unfit(
            answer,
            digest=permit.digest,
            answerers=policy.answerers,
            standard=standard,
            starter=ground.starter,
            revoked=(*policy.revoked, *scene.revoked),
            now_ms=scene.now_ms,
            approvals=policy.approvals,
        )
        if unfit is not None:
            return unfit
    short = missing(permit.answers, policy.answerers, standard.quorum)
    return None if short == 0 else f"{short} more must say the same"


def grants(permit: Permit) -> bool:
    """Whether an answer gives the run what it lacks; to several questions in one it is `approve`. Never to a tenant."""
    capability = Trigger.CAPABILITY.value in permit.triggers or Trigger.GAP.value in permit.triggers
    return capability and permit.outcome in ("grant", "approve") and permit.scope != "tenant"


def asked_capabilities(permit: Permit) -> list[Capability]:
    """Every capability that people were asked about."""
    return [found for call in calls_of(permit.asked) for found in capabilities_of(call.get("capabilities"))]


def asked_standard(asked: Mapping[str, object]) -> Standard:
    """What the people who were asked were told that it takes."""
    quorum = asked.get("quorum")
    return Standard(tuple(texts(asked.get("answerers"))), quorum if type(quorum) is int else sys.maxsize)


def starter_of(asked: Mapping[str, object]) -> tuple[str, str] | None:
    """Who started the run, and how that was known, where the question says so."""
    starter = asked.get("starter")
    return (str(starter.get("id")), str(starter.get("assurance"))) if isinstance(starter, dict) else None


def describe_tool(call: Call, card: ToolCard, needs: tuple[Capability, ...]) -> dict[str, object]:
    """A tool's call as people would be shown it, with the worker's own card."""
    args_digest, args_bytes = measured(call.args, model=False)
    return {
        "name": card.name,
        "tool_digest": card.digest,
        "args_digest": args_digest,
        "args_bytes": args_bytes,
        "capabilities": [str(need) for need in needs],
        "effect": card.effect.value,
        "risk": card.risk.value,
        "model": None,
    }


def describe_model(call: Call, alias: str, subject: str) -> dict[str, object]:
    """A model's call as people would be shown it; `subject` is the digest of the worker's own entry."""
    args_digest, args_bytes = measured(call.args, model=True)
    return {
        "name": alias,
        "tool_digest": subject,
        "args_digest": args_digest,
        "args_bytes": args_bytes,
        "capabilities": [f"model:{alias}"],
        "effect": "read",
        "risk": "low",
        "model": alias,
    }


def texts(value: object) -> list[str]:
    """The texts of a list that somebody else wrote."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []


def _tenant(asked: Mapping[str, object]) -> str:
    return str(asked.get("workflow_id")).partition("/")[0]
