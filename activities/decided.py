"""Whether a call is the one that was decided."""

from __future__ import annotations

from typing import Literal

from activities.failures import policy_denied
from policies.canonical import digest
from workflows.contracts.calls import Call
from workflows.contracts.names import ENGINE
from workflows.engine.digest import decision_digest


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
