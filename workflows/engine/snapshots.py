"""A run's state as JSON, and back."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

from pydantic import TypeAdapter

from policies.budget import Ledger
from workflows.engine.queue import enqueue_silently
from workflows.engine.state import RunState

if TYPE_CHECKING:
    from workflows.engine.machine import Machine

VERSION = 1


@cache
def _adapter() -> TypeAdapter[RunState]:
    return TypeAdapter(RunState)


def snapshot(m: Machine) -> dict[str, object]:
    """Everything that `restore` needs; between events there are no steps left to keep."""
    return {
        "v": VERSION,
        "state": _adapter().dump_python(m.state, mode="json"),
        "ledgers": {name: ledger.snapshot() for name, ledger in m.ledgers.items()},
    }


def restore(m: Machine, data: dict[str, object]) -> None:
    """Put a snapshot back; `ValueError` when it is none or from a later version."""
    version = data.get("v")
    if version != VERSION:
        raise ValueError(f"snapshot version {version} is not {VERSION}")
    ledgers = cast("dict[str, dict[str, object]]", data["ledgers"])
    m.state = _adapter().validate_python(data["state"])
    m.ledgers = {name: Ledger.restore(ledger) for name, ledger in ledgers.items()}
    m.queue = []
    for call in m.state.calls.values():
        if call.status == "queued":
            enqueue_silently(m, call)
