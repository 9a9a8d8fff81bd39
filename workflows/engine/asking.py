"""A call as a person is shown it and as a pause's digest covers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.coverage import measured
from policies.model import Effect, Risk
from workflows.contracts.pause import AskedCall
from workflows.engine.needs import needs_of, subject_digest

if TYPE_CHECKING:
    from workflows.engine.gap_state import GapState
    from workflows.engine.machine import Machine
    from workflows.engine.state import CallState

SHOWN_BYTES = 8 * 1024
NOTHING_CALLED = "request_capability"
"""What a capability is asked for by where no call waits for it."""


def asked_for(gap: GapState | None) -> AskedCall | None:
    """The capability that a gap lacks, as a call that needs it: workers read off the question what a grant gives."""
    if gap is None or gap.kind != "capability":
        return None
    args: dict[str, object] = {"kind": gap.kind, "name": gap.name}
    args_digest, args_bytes = measured(args, model=False)
    return AskedCall(
        name=NOTHING_CALLED,
        tool_digest="",
        args=args,
        args_digest=args_digest,
        args_bytes=args_bytes,
        capabilities=(gap.name,),
        effect=Effect.NONE.value,
        risk=Risk.LOW.value,
    )


def asked_call(m: Machine, call: CallState) -> AskedCall:
    """The call that waits; arguments over 8 KiB are given by digest and size alone.

    Of a model call the digest leaves out the bounds that the gate sets, which it may lower after the answer.
    """
    model = call.kind == "model"
    args_digest, args_bytes = measured(call.args, model=True) if model else (call.args_digest, call.args_bytes)
    return AskedCall(
        name=call.name,
        tool_digest=subject_digest(m, call),
        args=call.args if call.args_bytes <= SHOWN_BYTES else None,
        args_digest=args_digest,
        args_bytes=args_bytes,
        capabilities=tuple(str(need) for need in needs_of(m, call)),
        effect=call.effect.value,
        risk=call.risk.value,
        model=call.name if model else None,
    )
