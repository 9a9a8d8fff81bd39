"""What a call needs and what it is, read off the run card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.capability import Capability, resolve_needs
from workflows.language.schema import with_defaults

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import CallState


def needs_of(m: Machine, call: CallState) -> tuple[Capability, ...]:
    """Every capability that a call needs, the tool or model itself first."""
    if call.kind == "model":
        return (Capability("model", call.name),)
    card = m.card.tools[call.name]
    args = call.args
    if any(need.arg is not None and need.arg not in args for need in card.needs):
        args = with_defaults(card.input_schema, args)
    return (Capability("tool", call.name), *resolve_needs(card.needs, args))


def subject_digest(m: Machine, call: CallState) -> str:
    """The digest of the tool's declaration, or of the model's catalogue entry."""
    return m.card.models[call.name].digest if call.kind == "model" else m.card.tools[call.name].digest
