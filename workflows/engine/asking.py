"""A call as a person is shown it and as a pause's digest covers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.contracts.pause import AskedCall
from workflows.engine.needs import needs_of, subject_digest

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import CallState

SHOWN_BYTES = 8 * 1024


def asked_call(m: Machine, call: CallState) -> AskedCall:
    """The call that waits; arguments over 8 KiB are given by digest and size alone."""
    return AskedCall(
        name=call.name,
        tool_digest=subject_digest(m, call),
        args=call.args if call.args_bytes <= SHOWN_BYTES else None,
        args_digest=call.args_digest,
        args_bytes=call.args_bytes,
        capabilities=tuple(str(need) for need in needs_of(m, call)),
        effect=call.effect.value,
        risk=call.risk.value,
        model=call.name if call.kind == "model" else None,
    )
