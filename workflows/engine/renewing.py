"""A call that waited for what it calls, made fit for what is there now: it goes before the gate as a new thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.canonical import canonical, digest
from workflows.engine.calling import downshift
from workflows.language.schema import validate_value

if TYPE_CHECKING:
    from workflows.engine.machine import Machine
    from workflows.engine.state import Activation, CallState

DIGEST_DIGITS = 12


def renew(m: Machine, activation: Activation, call: CallState) -> str | None:
    """Take effect, risk and price from the card as it is pinned now; why the tool does not take these arguments.

    The same call made again is another activity. People are asked again, because their yes was to another thing.
    """
    activation.generation += 1
    call.permit, call.passed = None, ()
    if call.kind == "tool":
        return _renew_tool(m, call)
    _renew_model(m, call)
    return None


def _renew_tool(m: Machine, call: CallState) -> str | None:
    card = m.card.tools[call.name]
    faults = validate_value(card.input_schema, call.args)
    call.effect, call.risk = card.effect, card.risk
    return f"tool `{call.name}`, as it is now: {'; '.join(faults)}" if faults else None


def _renew_model(m: Machine, call: CallState) -> None:
    downshift(m, call, call.name)  # to itself, as the catalogue has it now
    listed = call.args.get("toolset")
    if isinstance(listed, list | tuple):
        call.args = {**call.args, "toolset": [_as_pinned(m, str(entry)) for entry in listed]}
        call.args_digest, call.args_bytes = digest(call.args), len(canonical(call.args))


def _as_pinned(m: Machine, entry: str) -> str:
    """`name@digest` with the digest that is pinned now; what the engine answers itself has no other."""
    name, _, _ = entry.rpartition("@")
    card = m.card.tools.get(name)
    return entry if card is None else f"{name}@{card.digest[:DIGEST_DIGITS]}"
