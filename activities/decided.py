"""Whether a call is the one that was decided."""

from __future__ import annotations

from typing import Literal

from activities.failures import failure, policy_denied
from policies.canonical import digest
from workflows.contracts.calls import Call
from workflows.contracts.failures import FailureType
from workflows.contracts.names import ENGINE
from workflows.contracts.run import ToolCard
from workflows.engine.digest import decision_digest


def check_pinned(call: Call, card: ToolCard) -> None:
    """`ToolChanged`, with this worker's card, if the run knows another version of the tool. Nothing of it was run."""
    if call.tool is None or card.digest.startswith(call.tool):
        return
    message = (
        f"tool `{call.name}` is not the one that the run knows: here it is {card.digest[: len(call.tool)]}, not "
        f"{call.tool}; put the other one back, or have somebody who may accept this one"
    )
    details: dict[str, object] = {"billed": "no", "tool": card.name, "card": as_wire(card)}
    raise failure(FailureType.TOOL_CHANGED, message, details=details)


def as_wire(card: ToolCard) -> dict[str, object]:
    """A card as a run is told it."""
    return card.model_dump(mode="json", exclude_defaults=True)


def check_decided(call: Call, kind: Literal["tool", "model"], subject_digest: str) -> None:
    """Compute the decision's digest again, from the arguments as they came and the tool or model as this worker has it.

    `PolicyDenied` if it is not the same: then something that was decided about has changed since.
    """
    found = decision_digest(
        engine=ENGINE,
        kind=kind,
        name=call.name,
        args_digest=digest(call.args),
        tool_digest=subject_digest,
        policy=call.decision.policy,
        verdict=call.decision.verdict,
        rules=call.decision.rules,
    )
    if found != call.decision.digest:
        message = (
            f"`{call.name}`: the call is not the one that was decided: its arguments, or the {kind} on this worker, "
            "are others; start a new run, or use the worker that admitted this one"
        )
        raise policy_denied("edge.decision", message, details={"decided": call.decision.digest, "found": found})
